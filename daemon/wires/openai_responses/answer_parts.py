"""Finished blocks as the output items of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET, Raw

from daemon.inference.blocks import (
    Block,
    Citation,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.wires.json import encode, is_json
from daemon.wires.openai_responses import tool_search
from daemon.wires.openai_responses.entry_schema import (
    CustomCallItem,
    FunctionCallItem,
    HostedOutput,
    MessageOutput,
    OutputItem,
    ReasoningOutput,
    RefusalText,
    SummaryText,
    TextPart,
    ToolSearchCall,
    UrlCitation,
)
from daemon.wires.openai_responses.schema import WIRE_NAME

_PREFIX = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}


def item_of(block: Block, index: int, answer_id: str, *, searches: bool = False) -> Raw | None:
    """The output item of a finished block; None for what this wire cannot show. ``searches``: the client
    offered its search for tools."""
    item: OutputItem
    match block:
        case ToolCall(name=tool_search.NAME, namespace=None) if searches:
            item = search_item(block, index, answer_id)
        case Text():
            part = TextPart(block.text, annotations_of(block.citations))
            item = MessageOutput(item_id("message", index, answer_id), "completed", [part])
        case ModelRefusal():
            item = MessageOutput(item_id("message", index, answer_id), "completed", [RefusalText(block.text)])
        case Reasoning():
            item = reasoning_item(block, index, answer_id)
        case ToolCall():
            status = call_status(block.arguments, custom=block.kind == "custom")
            item = call_item(block, index, answer_id, status=status)
        case HostedCall():
            return hosted_item(block, index, answer_id)
        case Opaque():
            return block.raw if block.wire == WIRE_NAME else None  # the gateway reports another wire's as lost
        case Image() | File() | ToolResult():
            return None  # no answer has them: no decoder makes one, so that nothing is lost
        case _:
            assert_never(block)
    return Raw(encode(item))


def reasoning_item(block: Reasoning, index: int, answer_id: str) -> ReasoningOutput:
    """Each part of the thinking as a summary; the signature is what the next turn hands back."""
    return ReasoningOutput(
        id=item_id("reasoning", index, answer_id, block.id),
        summary=[SummaryText(part) for part in block.parts],
        encrypted_content=block.signature or UNSET,
    )


def call_item(call: ToolCall, index: int, answer_id: str, *, status: str) -> FunctionCallItem | CustomCallItem:
    """A function or custom call, whole or just begun."""
    namespace = UNSET if call.namespace is None else call.namespace
    if call.kind == "custom":
        own = item_id("custom_tool_call", index, answer_id, call.item_id)
        return CustomCallItem(own, status, call.id, call.name, call.arguments, namespace)
    own = item_id("function_call", index, answer_id, call.item_id)
    arguments = call.arguments or ("{}" if status == "completed" else "")
    return FunctionCallItem(own, status, call.id, call.name, arguments, namespace)


def search_item(call: ToolCall, index: int, answer_id: str) -> ToolSearchCall:
    """A call of the client's own search for tools."""
    return tool_search.call_item(call.id, call.arguments, f"tsc_{answer_id}{index:04x}")


def call_status(arguments: str, *, custom: bool) -> str:
    """Arguments that are no JSON were cut (by a token limit): the item must not look whole."""
    return "completed" if custom or not arguments or is_json(arguments) else "incomplete"


def hosted_item(call: HostedCall, index: int, answer_id: str) -> Raw:
    """This wire's own item as it came; another vendor's search as a ``web_search_call``."""
    if call.wire == WIRE_NAME and call.raw is not None:
        return call.raw
    item = HostedOutput(f"ws_{answer_id}{index:04x}", "web_search_call", "completed", search_action(call))
    return Raw(encode(item))


def search_action(call: HostedCall) -> dict[str, object]:
    """What another vendor's search asked and found."""
    asked = {} if call.input is None else msgspec.json.decode(call.input)
    action: dict[str, object] = {"type": "search", **(asked if isinstance(asked, dict) else {})}
    if call.hits:
        action["sources"] = [{"type": "url", "url": hit.url} for hit in call.hits]
    return action


def item_id(type_: str, index: int, answer_id: str, own: str | None = None) -> str:
    """The upstream's id where it has this wire's prefix, else one made of the answer's."""
    prefix = _PREFIX[type_]
    return own if own is not None and own.startswith(prefix) else f"{prefix}{answer_id}{index:04x}"


def annotations_of(citations: Sequence[Citation]) -> list[Raw]:
    """Those citations that have a form on this wire."""
    return [annotation for citation in citations if (annotation := annotation_of(citation)) is not None]


def annotation_of(citation: Citation) -> Raw | None:
    """This wire's own as it came, another's by its address; a citation without one has no place here."""
    if citation.wire == WIRE_NAME and citation.raw is not None:
        return citation.raw
    if not citation.url:
        return None
    return Raw(
        encode(UrlCitation(citation.url, citation.title or citation.url, citation.start or 0, citation.end or 0))
    )
