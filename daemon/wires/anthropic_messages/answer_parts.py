"""What whole answers and streams share: ids, tool input, citations, searches, thinking, usage, stop reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from daemon.inference.blocks import Citation, Opaque, Reasoning, ToolCall
from daemon.inference.response import FinishReason, Usage
from daemon.wires.anthropic_messages.schema import WIRE_NAME, Typed
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import NOT_JSON, encode, fields_of
from daemon.wires.naming import shorten_id

OUTSIDE_ID = re.compile(r"[^A-Za-z0-9_-]")
_typed = msgspec.json.Decoder(Typed)
_EMPTY = Raw(b'""')

STOP_REASONS: Mapping[FinishReason, str] = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
    FinishReason.REFUSAL: "refusal",
    FinishReason.STOP_SEQUENCE: "stop_sequence",
    FinishReason.PAUSE: "pause_turn",
    FinishReason.CONTEXT_WINDOW: "model_context_window_exceeded",
}


def stop_reason(reason: FinishReason, *, called: bool, refused: bool) -> str:
    """The API's word; what the blocks say overrides ``stop``, since clients act on both together."""
    if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
        if refused:
            return "refusal"
        return "tool_use" if called else "end_turn"
    return STOP_REASONS[reason]


def usage_body(usage: Usage) -> dict[str, object]:
    """The three input counters of the API add up to the hub's one. Unknown counts are left out,
    but for ``output_tokens``, which clients require."""
    body: dict[str, object] = {}
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    if usage.input_tokens is not None:
        body["input_tokens"] = max(0, usage.input_tokens - cached - written)
        body["cache_creation_input_tokens"] = written
        body["cache_read_input_tokens"] = cached
    body["output_tokens"] = usage.output_tokens or 0
    if usage.reasoning_tokens is not None:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return body


def opening_usage(usage: Usage | None, estimate: int) -> dict[str, object]:
    """``message_start``'s usage: the upstream's where it says it first, else the estimate."""
    if usage is None or usage.input_tokens is None:
        usage = Usage(input_tokens=estimate, output_tokens=0)
    return usage_body(usage)


def fitting_id(identifier: str) -> str:
    """An id made to fit ``^[a-zA-Z0-9_-]{1,64}$``."""
    return shorten_id(OUTSIDE_ID.sub("_", identifier))


def tool_ids(context: AnswerContext) -> CallIds:
    """The ids of one answer's calls as the API takes them."""
    return CallIds(context, "toolu_", fitting_id)


def tool_input(call: ToolCall) -> Raw:
    """The call's input as a JSON object. A custom tool's text travels as ``input``; arguments cut
    by a token limit, which are no JSON, as ``_raw``, so that nothing is lost or invented."""
    if call.kind == "custom":
        return Raw(encode({"input": call.arguments}))
    text = call.arguments.strip()
    if not text:
        return Raw(b"{}")
    try:
        fields_of(text)
    except NOT_JSON:
        return Raw(encode({"_raw": call.arguments}))
    return Raw(text)


def citation_body(citation: Citation) -> Raw | dict[str, object] | None:
    """A citation in the API's shape; None where it names no URL and is another wire's."""
    if citation.wire == WIRE_NAME and citation.raw is not None:
        return citation.raw
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.cited_text or "",
        "encrypted_index": "",
    }


def opaque_blocks(opaque: Opaque | None) -> list[Raw]:
    """This wire's own blocks, unchanged; another wire's have no place here."""
    return [opaque.raw] if opaque is not None and opaque.wire == WIRE_NAME else []


def thinking_body(block: Reasoning) -> dict[str, object]:
    """Thinking in the API's shape; one that has nothing but its proof is redacted."""
    text = block.text
    if block.redacted and not text:
        return {"type": "redacted_thinking", "data": block.signature}
    return {"type": "thinking", "thinking": text, "signature": block.signature or ""}


def split_block(raw: Raw) -> tuple[bytes, list[bytes]]:
    """A whole block as (start, deltas) of a stream: clients take a tool's input, and thinking, from deltas alone."""
    kind = _typed.decode(raw).type
    if kind.endswith("tool_use"):
        fields = fields_of(raw)
        whole_input = bytes(fields.get("input", b"{}")).decode()
        fields["input"] = Raw(b"{}")
        return encode(fields), [encode({"type": "input_json_delta", "partial_json": whole_input})]
    if kind == "thinking":
        fields = fields_of(raw)
        deltas = [
            encode({"type": f"{name}_delta", name: fields[name]})
            for name in ("thinking", "signature")
            if fields.get(name, _EMPTY) != _EMPTY
        ]
        return encode(fields | {"thinking": _EMPTY, "signature": _EMPTY}), deltas
    return bytes(raw), []
