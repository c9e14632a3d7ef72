"""A client's input items as the hub's messages.

Reasoning, calls and at most one message of the assistant make one turn; outputs in a row make one
user turn. An item that only this wire knows (``compaction``, ``additional_tools``, ``tool_search_call``,
``item_reference`` …) keeps its place as ``Opaque``. A compaction that the daemon made is the summary in it, as a
message of the user's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from daemon.inference.blocks import (
    Block,
    File,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolContent,
    ToolResult,
)
from daemon.inference.request import Message, Role
from daemon.wires.added_text import earlier_summary
from daemon.wires.json import NOT_JSON, changed, items_of, mistake
from daemon.wires.openai.request_body import invalid
from daemon.wires.openai_responses.compaction import COMPACTIONS, TRIGGER, summary_in
from daemon.wires.openai_responses.entry_schema import RequestItem, RequestPart
from daemon.wires.openai_responses.output_items import HOSTED, citation_from, hosted_call
from daemon.wires.openai_responses.schema import WIRE_NAME, EventType, ItemHead, Part
from daemon.wires.openai_responses.tool_search import LIFTED
from daemon.wires.unread import EntryDecoder, Unread

_ROLES: dict[str, Role] = {role: role for role in ("user", "assistant", "system", "developer")}
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,")
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})
_KNOWN_PARTS = _TEXT_PARTS | {"refusal", "input_image", "input_file"}

_type = msgspec.json.Decoder(EventType)
_item = EntryDecoder(RequestItem)
_head = msgspec.json.Decoder(ItemHead)
_plain_parts = msgspec.json.Decoder(list[Part] | None).decode
_part = EntryDecoder(RequestPart, lambda part: part.type in _KNOWN_PARTS)


def messages_of(input_: Raw | UnsetType, noted: Unread) -> tuple[Message, ...]:
    """The conversation. Raises ``LocalError`` naming the place of a mistake."""
    if input_ is UNSET:
        return ()
    if bytes(input_).startswith(b'"'):
        return (Message("user", (Text(msgspec.json.decode(input_, type=str)),)),)
    try:
        items = items_of(input_)
    except NOT_JSON:
        raise invalid("Invalid type for 'input': expected one of a string or an array of objects.", "input") from None
    turns = _Turns(noted)
    for number, raw in enumerate(items):
        noted.where = "input", number
        try:
            turns.add(Raw(bytes(raw)))
        except msgspec.ValidationError as error:
            raise invalid(f"Invalid 'input[{number}]': {mistake(error)}", f"input[{number}]") from None
    return turns.finish()


class _Turns:
    """Collects blocks into messages; ``_spoken`` is whether the running turn holds a message already."""

    def __init__(self, noted: Unread) -> None:
        self._noted = noted
        self._messages: list[Message] = []
        self._role: Role = "user"
        self._blocks: list[Block] = []
        self._id: str | None = None
        self._spoken = False

    def add(self, raw: Raw) -> None:
        type_ = _type.decode(raw).type
        if type_ in HOSTED:
            self._put("assistant", hosted_call(_head.decode(raw), raw))
            return
        if type_ in _KNOWN:
            item = _item.decode(raw, self._noted)
            if type_ or item.role or not item.id:
                self._known(item, type_)
                return
            type_, raw = REFERENCE, Raw(changed(raw, type=REFERENCE))  # the API takes one without its type
        if type_ in COMPACTIONS and (summary := summary_in(raw)) is not None:
            self._whole("user", Text(earlier_summary(summary)))
            return
        output = type_.endswith("_output") if type_ else False
        lifted = LIFTED[type_](raw) if type_ in LIFTED else None
        self._put("user" if output or type_ in _FROM_USER else "assistant", Opaque(WIRE_NAME, raw, lifted))

    def finish(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self._messages)

    def _known(self, item: RequestItem, type_: str | None) -> None:
        match type_:
            case "reasoning":
                self._put("assistant", _reasoning(item))
            case "function_call" | "custom_tool_call":
                self._put("assistant", _call(item, custom=type_ == "custom_tool_call"))
            case "function_call_output" | "custom_tool_call_output":
                self._put("user", _result(item, self._noted, custom=type_ == "custom_tool_call_output"))
            case _:
                self._message(item)

    def _message(self, item: RequestItem) -> None:
        role = _ROLES.get(item.role or "")
        if role is None:
            raise msgspec.ValidationError("supported roles are 'assistant', 'system', 'developer', and 'user'.")
        if role != "assistant" or self._role != "assistant" or self._spoken:
            self._flush()
        self._role, self._id, self._spoken = role, item.id, True
        self._blocks.extend(_content(item.content, self._noted))

    def _whole(self, role: Role, block: Block) -> None:
        """A message of its own."""
        self._flush()
        self._role, self._blocks, self._spoken = role, [block], True

    def _put(self, role: Role, block: Block) -> None:
        if role != self._role or (self._spoken and role != "assistant"):
            self._flush()
            self._role = role
        self._blocks.append(block)

    def _flush(self) -> None:
        if self._blocks or self._spoken:
            self._messages.append(Message(self._role, tuple(self._blocks), self._id))
        self._blocks, self._id, self._spoken = [], None, False


REFERENCE: Final = "item_reference"
"""Stands for an item that the upstream keeps."""


_KNOWN = frozenset(
    {
        None,
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
    }
)
"""An item without a type is a message ("easy input message")."""

_FROM_USER = frozenset({"additional_tools", TRIGGER, REFERENCE, "configuration_update"})


def _reasoning(item: RequestItem) -> Reasoning:
    parts = tuple(part.text for part in item.summary or () if part.text)
    if not parts and item.content is not UNSET:
        parts = tuple(_plain_texts(item.content))
    return Reasoning(parts=parts, signature=item.encrypted_content or None, id=item.id)


def _plain_texts(content: Raw) -> list[str]:
    """The reasoning itself, of a server that does not encrypt it; none where it has another shape."""
    try:
        return [part.text for part in _plain_parts(content) or () if part.text]
    except NOT_JSON:
        return []


def _call(item: RequestItem, *, custom: bool) -> ToolCall:
    return ToolCall(
        id=_required(item.call_id, "call_id"),
        name=_required(item.name, "name"),
        arguments=_required(item.input if custom else item.arguments, "input" if custom else "arguments"),
        kind="custom" if custom else "function",
        namespace=item.namespace,
        item_id=item.id,
    )


def _result(item: RequestItem, noted: Unread, *, custom: bool) -> ToolResult:
    content = tuple(_tool_content(block) for block in _content(item.output, noted))
    return ToolResult(
        call_id=_required(item.call_id, "call_id"), content=content, kind="custom" if custom else "function"
    )


def _tool_content(block: Block) -> ToolContent:
    if isinstance(block, Text | Image | File | Opaque):
        return block
    raise msgspec.ValidationError("supported output parts are 'input_text', 'input_image', and 'input_file'.")


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise msgspec.ValidationError(f"missing required parameter '{name}'.")
    return value


def _content(content: Raw | UnsetType, noted: Unread) -> Sequence[Block]:
    if content is UNSET or bytes(content) == b"null":
        return ()
    if bytes(content).startswith(b'"'):
        return (Text(msgspec.json.decode(content, type=str)),)
    return [_block(part, noted) for part in items_of(content)]


def _block(raw: Raw, noted: Unread) -> Block:
    part = _part.decode(raw, noted)
    if part.type in _TEXT_PARTS:
        citations = tuple(citation_from(annotation) for annotation in part.annotations or ())
        return Text(_required(part.text, "text"), citations)
    match part.type:
        case "refusal":
            return ModelRefusal(part.refusal or "")
        case "input_image":
            return _image(part)
        case "input_file":
            return _file(part)
        case _:
            return Opaque(WIRE_NAME, Raw(bytes(raw)))


def _image(part: RequestPart) -> Image:
    media_type, data = _data_url(part.image_url)
    url = part.image_url if data is None else None
    return Image(media_type=media_type, data=data, url=url, file_id=part.file_id, detail=part.detail)


def _file(part: RequestPart) -> File:
    media_type, data = _data_url(part.file_data)
    if data is None:
        data = part.file_data
    return File(media_type=media_type, data=data, url=part.file_url, file_id=part.file_id, filename=part.filename)


def _data_url(url: str | None) -> tuple[str | None, str | None]:
    """(media type, base64) of a data URL, else two times None."""
    match = _DATA_URL.match(url) if url else None
    if url is None or match is None:
        return None, None
    return match[1] or None, url[match.end() :]
