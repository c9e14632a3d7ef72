"""Compaction that the daemon does itself, for upstreams that do not: the item that holds a summary, and the turn that
asks the model for one.

    input … compaction_trigger ─ summary_body, summary_request ─▶ the model ─▶ its text ─ compaction_item ─▶ client
    input … compaction         ─ summary_in, opened_items ─▶ a user's message, on any wire

The item's ``encrypted_content`` is ``tppcd-summary.1.``, then the summary in UTF-8, deflated, in base64 for URLs. No
key is in it, so that any node and any later version can open it (docs/decisions/0017). What is asked and answered here
was seen with Codex 0.171.0 and openai 3.57.0 (2026-11): the trigger is the last item of an ordinary streamed request,
and exactly one ``compaction`` item must come; ``POST /v1/responses/compact`` gives the user's messages and such an
item.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from daemon.inference.blocks import Block, Opaque, Text
from daemon.inference.request import Message, Request, ToolChoice
from daemon.inference.response import FinishReason, Response
from daemon.wires.added_text import SUMMARY_REQUEST, earlier_summary
from daemon.wires.base import Fields
from daemon.wires.json import (
    NOT_JSON,
    NULL,
    LenientDecoder,
    changed,
    encode,
    fields_of,
    first_byte,
    is_object,
    items_of,
    list_of,
    object_of,
    type_of,
)
from daemon.wires.openai_responses.schema import WIRE_NAME

TRIGGER: Final = "compaction_trigger"
COMPACTIONS: Final = frozenset({"compaction", "compaction_summary", "context_compaction"})
"""Types of the items that stand for a conversation: Codex reads the second as the first."""

MARK: Final = "tppcd-summary."
_VERSION: Final = "1."
MOST_SUMMARY: Final = 2**20
"""Bytes of a summary, unpacked: a small item could hold gigabytes."""

_CUT: Final = "\n\n(The summary was cut here.)"
_TOOLS_INSIDE: Final = b'"additional_tools"'
_NO_TOOLS: Final = (Raw(b"[]"), NULL, None)
_TRIGGER_ITEM: Final = Raw(b'{"type":"compaction_trigger"}')
_CUT_SHORT: Final = frozenset({FinishReason.LENGTH, FinishReason.CONTEXT_WINDOW})


class _Item(Struct):
    type: str | None = None
    role: str | None = None
    encrypted_content: str | None = None


class _Answer(Struct):
    id: str = ""
    created_at: Raw = Raw(b"0")
    output: list[Raw] | None = None
    usage: Raw = NULL


_item = LenientDecoder(_Item).decode
_answer = LenientDecoder(_Answer).decode


# --- the item -------------------------------------------------------------------------------------


def sealed(summary: str) -> str:
    """The ``encrypted_content`` that holds ``summary``."""
    packed = base64.urlsafe_b64encode(zlib.compress(summary.encode("utf-8", "replace"), 9)).decode()
    return f"{MARK}{_VERSION}{packed}"


def is_ours(piece: str | None) -> bool:
    """Whether the daemon has made this ``encrypted_content``."""
    return piece is not None and piece.startswith(MARK)


def summary_of(piece: str) -> str:
    """The summary in an ``encrypted_content`` of ours. Raises ``msgspec.ValidationError`` where it is damaged, too
    large, or of a later version."""
    version, _, packed = piece.removeprefix(MARK).partition(".")
    if version + "." != _VERSION:
        raise msgspec.ValidationError("this 'encrypted_content' is of a later version of tppcd; update this one.")
    try:
        unpacking = zlib.decompressobj()
        summary = unpacking.decompress(base64.urlsafe_b64decode(packed), MOST_SUMMARY)
        if unpacking.eof:
            return summary.decode()
    except (binascii.Error, zlib.error, ValueError):
        pass
    raise msgspec.ValidationError("the summary in 'encrypted_content' is damaged; send it as it came.")


def summary_in(raw: Raw) -> str | None:
    """The summary that a compaction item of ours holds; None for another's."""
    piece = _item(raw).encrypted_content
    return summary_of(piece) if piece is not None and is_ours(piece) else None


def compaction_item(summary: str, answer_id: str) -> Raw:
    """The item as the client gets it."""
    return Raw(encode({"id": f"cmp_{answer_id}", "type": "compaction", "encrypted_content": sealed(summary)}))


def opened_items(raws: Sequence[Raw]) -> list[Raw]:
    """Input items for an upstream of this wire: those of ours say what they hold, in their places."""
    return [_opened(raw) for raw in raws]


def _opened(raw: Raw) -> Raw:
    if not is_object(raw) or type_of(raw) not in COMPACTIONS:
        return raw
    summary = summary_in(raw)
    return raw if summary is None else _said(earlier_summary(summary))


def _said(text: str) -> Raw:
    part = {"type": "input_text", "text": text}
    return Raw(encode({"type": "message", "role": "user", "content": [part]}))


# --- the turn -------------------------------------------------------------------------------------


def asks_for_compaction(messages: Sequence[Message]) -> bool:
    """Whether the conversation ends with the trigger."""
    last = messages[-1].content[-1:] if messages else ()
    return bool(last) and _is_trigger(last[0])


def _is_trigger(block: Block) -> bool:
    return type(block) is Opaque and block.wire == WIRE_NAME and type_of(block.raw) == TRIGGER


def summary_request(request: Request) -> Request:
    """The request for a summary in place of ``request``, whose messages end with the trigger, for other wires. Its
    tools stay, since many servers want them beside earlier calls, and are not to be called."""
    *before, last = request.messages
    rest = replace(last, content=last.content[:-1])
    messages = (*before, *([rest] if rest.content else []), Message("user", (Text(SUMMARY_REQUEST),)))
    choice = ToolChoice("none") if request.tools or request.inline_tools else None
    return replace(request, messages=messages, tool_choice=choice, output=None)


def summary_body(body: bytes) -> bytes:
    """The same for the body of an upstream of this wire."""
    fields = fields_of(body)
    items = items_of(fields["input"])
    fields["input"] = Raw(encode([*items[:-1], _said(SUMMARY_REQUEST)]))
    if fields.get("tools") not in _NO_TOOLS or _TOOLS_INSIDE in body:
        fields["tool_choice"] = Raw(b'"none"')
    if "text" in fields and (text := object_of(fields["text"])):
        text.pop("format", None)
        fields["text"] = Raw(encode(text))
    fields.pop("context_management", None)  # the upstream's own compaction, which this one is in place of
    return encode(fields)


def summary_text(answer: Response) -> str:
    """What the model has written; '' for nothing that can stand for the conversation."""
    text = "\n\n".join(block.text for block in answer.content if isinstance(block, Text) and block.text).strip()
    if answer.finish is FinishReason.CONTENT_FILTER or not text:
        return ""
    text = text.encode("utf-8", "replace")[: MOST_SUMMARY - len(_CUT)].decode("utf-8", "ignore")
    return text + _CUT if is_cut(answer) else text


def is_cut(answer: Response) -> bool:
    """Whether the end of the summary is missing."""
    return answer.finish in _CUT_SHORT


def has_compaction(answer: bytes) -> bool:
    """Whether an upstream has answered with what it was asked for."""
    return any(is_object(item) and type_of(item) in COMPACTIONS for item in _answer(answer).output or ())


# --- POST /v1/responses/compact -------------------------------------------------------------------


def with_trigger(body: bytes) -> bytes:
    """A body of ``/v1/responses/compact`` as one of ``/v1/responses``, which does the same: not streamed, the trigger
    last. What is no body stays as it is, for the decoder to refuse."""
    try:
        fields = fields_of(body)
        given = fields.get("input", NULL)
        if first_byte(given) == b'"':
            items = [_said(msgspec.json.decode(given, type=str))]
        elif first_byte(given) == b"[" or given == NULL:
            items = list_of(given)
        else:
            return body
    except NOT_JSON:
        return body
    if not items or not is_object(items[-1]) or type_of(items[-1]) != TRIGGER:
        items = [*items, _TRIGGER_ITEM]
    fields["input"] = Raw(encode(items))
    fields["stream"] = Raw(b"false")
    return encode(fields)


def endpoint_body(body: bytes, client_body: bytes) -> bytes:
    """The body for an upstream's own ``/responses/compact``: of ``body``, which goes to ``/responses``, what the client
    has sent itself, and no trigger."""
    sent = fields_of(client_body)
    fields: Fields = {name: raw for name, raw in fields_of(body).items() if name in sent and name != "stream"}
    fields["input"] = Raw(encode(items_of(fields["input"])[:-1]))
    return encode(fields)


def compacted(client_body: bytes, answer: bytes, *, by_upstream: bool) -> bytes:
    """The answer of ``/v1/responses/compact``: the user's messages of ``client_body``, then the compaction items of
    ``answer``, a response object. ``by_upstream``: it is already one, but for the model's name, which has no place in
    it."""
    if by_upstream:
        return encode({name: raw for name, raw in fields_of(answer).items() if name != "model"})
    response = _answer(answer)
    users = [_as_output(raw, number) for number, raw in enumerate(items_of(fields_of(client_body)["input"]))]
    compactions = [raw for raw in response.output or () if is_object(raw) and type_of(raw) in COMPACTIONS]
    body = {
        "id": response.id,
        "object": "response.compaction",
        "created_at": response.created_at,
        "output": [*filter(None, users), *compactions],
        "usage": response.usage,
    }
    return encode(body)


def _as_output(raw: Raw, number: int) -> Raw | None:
    if not is_object(raw):
        return None
    item = _item(raw)
    if item.role != "user" or item.type not in (None, "message"):
        return None
    fields = fields_of(raw)
    content = fields.get("content", NULL)
    if first_byte(content) == b'"':
        fields["content"] = Raw(encode([{"type": "input_text", "text": content}]))
    own_id = fields.get("id", NULL)
    named = {"id": own_id if own_id != NULL else f"msg_{number:04x}", "type": "message", "status": "completed"}
    return Raw(changed(encode(fields), **named))
