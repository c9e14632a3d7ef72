"""A client's messages as the hub's: calls and their results paired, whatever the client left out.

A call without an id gets one (``call_missing_2_0``: message 2, call 0); a result without one answers the
oldest call that has no result yet. Two calls of one message with one id cannot be distinguished: they are
dropped with their results. What answers no call stays: what to do with it is the upstream wire's business.

System and developer messages keep role and place. A part that only this wire knows travels as ``Opaque``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from daemon.errors import LocalError
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
from daemon.wires.json import NOT_JSON, items_of, json_text, mistake
from daemon.wires.openai.request_body import invalid
from daemon.wires.openai_chat.earlier_state import pieces_in
from daemon.wires.openai_chat.entry_schema import RequestFile, RequestImage, RequestMessage, RequestPart
from daemon.wires.openai_chat.schema import WIRE_NAME, CalledFunction, CallPart
from daemon.wires.tools import unwrapped
from daemon.wires.unread import EntryDecoder, Unread

_ROLES: dict[str, Role] = {role: role for role in ("system", "developer", "user", "assistant")}
_RESULT_ROLES = ("tool", "function")
_TEXTS = ("text", "input_text", "output_text")
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,")
_LISTED_IMAGE = re.compile(r'"(?:input_image|image_url)"')

_FILE = "file"
_IMAGES = ("image_url", "input_image")

_part = EntryDecoder(RequestPart, lambda part: part.type in (*_TEXTS, *_IMAGES, _FILE, "refusal"))
_text = msgspec.json.Decoder(str)


def messages_of(messages: Sequence[RequestMessage], custom: frozenset[str], noted: Unread) -> tuple[Message, ...]:
    """The conversation. ``custom`` are the names of the client's custom tools. Raises ``LocalError`` naming
    the place of a mistake."""
    turns = _Turns(custom, noted)
    for number, message in enumerate(messages):
        turns.add(number, message)
    return turns.finish()


class _Pending(Struct):
    """A call that waits for its result."""

    id: str
    custom: bool


class _Turns:
    def __init__(self, custom: frozenset[str], noted: Unread) -> None:
        self._custom = custom
        self._noted = noted
        self._messages: list[Message] = []
        self._results: list[ToolResult] = []
        self._pending: list[_Pending] = []
        self._ambiguous: set[str] = set()

    def add(self, number: int, message: RequestMessage) -> None:
        self._noted.where = "messages", number
        if message.role in _RESULT_ROLES:
            self._result(number, message)
            return
        if message.name:  # whose it is of several that speak; of a result it repeats the call's
            self._noted.add((f"messages[{number}].name",))
        self._flush()
        role = _ROLES.get(message.role)
        if role is None:
            raise invalid(
                "Invalid value. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and "
                "'developer'.",
                f"messages[{number}].role",
                "invalid_value",
            )
        where = f"messages[{number}].content"
        content = _content(message.content, where, self._noted, silent=role == "assistant")
        if role == "assistant":
            content = [*_thoughts(message), *content, *_refusal(message), *self._calls(number, message)]
        if content:
            self._messages.append(Message(role, tuple(content)))

    def finish(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self._messages)

    def _flush(self) -> None:
        """Results in a row make one turn."""
        if self._results:
            self._messages.append(Message("user", tuple(self._results)))
            self._results = []

    def _calls(self, number: int, message: RequestMessage) -> list[Block]:
        parts = list(message.tool_calls or ())
        if message.function_call is not None:
            parts.append(CallPart(function=message.function_call))
        calls = [self._call(part, f"call_missing_{number}_{place}", number) for place, part in enumerate(parts)]
        ids = [call.id for call in calls]
        self._ambiguous = {id_ for id_ in ids if ids.count(id_) > 1}
        clear = [call for call in calls if call.id not in self._ambiguous]
        self._pending += [_Pending(call.id, call.kind == "custom") for call in clear]
        return list(clear)

    def _call(self, part: CallPart, fallback_id: str, number: int) -> ToolCall:
        """A custom call may come back as the function call that other gateways make of it."""
        if part.custom is not None:
            name, text, custom = part.custom.name, part.custom.input or "", True
        else:
            function = part.function or CalledFunction()
            name, text = function.name, json_text(function.arguments) or ""
            custom = name in self._custom
            text = unwrapped(text) if custom else text
        if not name:
            where = f"messages[{number}].tool_calls"
            raise invalid(
                f"Missing required parameter: '{where}[].function.name'.", where, "missing_required_parameter"
            )
        return ToolCall(id=part.id or fallback_id, name=name, arguments=text, kind="custom" if custom else "function")

    def _result(self, number: int, message: RequestMessage) -> None:
        if message.tool_call_id in self._ambiguous:
            return
        call = self._paired(message.tool_call_id)
        call_id = message.tool_call_id or (call.id if call is not None else "")
        content = _output(message.content, f"messages[{number}].content", self._noted)
        custom = call is not None and call.custom
        self._results.append(
            ToolResult(call_id=call_id, content=tuple(content), kind="custom" if custom else "function")
        )

    def _paired(self, call_id: str | None) -> _Pending | None:
        """The newest call of that id; without an id the oldest that has no result."""
        match = next((call for call in reversed(self._pending) if call.id == call_id), None)
        if not call_id and self._pending:
            match = self._pending[0]
        if match is not None:
            self._pending.remove(match)
        return match


def _thoughts(message: RequestMessage) -> list[Block]:
    """Thinking as a client gives it back. Each piece that only its upstream can read is a block, so that it is known
    whose the conversation is; no upstream of another wire can use it."""
    text = message.reasoning_content or message.reasoning or message.reasoning_text
    calls = message.tool_calls or []
    shown: list[Block] = [Reasoning(parts=(text,))] if isinstance(text, str) and text else []
    if not (
        message.reasoning_details
        or message.extra_content
        or message.reasoning_opaque
        or message.thinking_blocks
        or type(message.reasoning) is dict
        or any(call.extra_content or call.thought_signature or call.provider_specific_fields for call in calls)
    ):
        return shown
    pieces = pieces_in(msgspec.structs.asdict(message), calls)
    return [*shown, *(Reasoning(signature=piece, redacted=True) for piece in pieces)]


def _refusal(message: RequestMessage) -> list[Block]:
    return [ModelRefusal(message.refusal)] if message.refusal else []


# --- content ---


def _content(content: Raw | UnsetType, where: str, noted: Unread, *, silent: bool) -> list[Block]:
    """Text or parts. ``silent`` is a message that may say nothing."""
    if content is UNSET or bytes(content) == b"null":
        if silent:
            return []
        raise invalid(f"Invalid value for '{where}': expected a string, got null.", where)
    if bytes(content).startswith(b'"'):
        text = _text.decode(content)
        return [Text(text)] if text or not silent else []
    try:
        raws = items_of(content)
    except msgspec.ValidationError:
        raise invalid(
            f"Invalid type for '{where}': expected one of a string or array of objects.", where, "invalid_type"
        ) from None
    return [_block(raw, f"{where}[{number}]", noted) for number, raw in enumerate(raws)]


def _block(raw: Raw, where: str, noted: Unread) -> ToolContent | ModelRefusal:
    try:
        part = _part.decode(raw, noted)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid '{where}': {mistake(error)}", where) from None
    if part.type in _TEXTS and part.text is not None:
        return Text(part.text)
    if part.type == "refusal" and part.refusal is not None:
        return ModelRefusal(part.refusal)
    medium = _image(part) if part.type in _IMAGES else _file(part.file)
    return medium or Opaque(WIRE_NAME, Raw(bytes(raw)))


def _output(content: Raw | UnsetType, where: str, noted: Unread) -> list[ToolContent]:
    """A result: text, parts, or any other JSON, which goes as its text. Clients without parts in results
    put a list with images into the text."""
    if content is UNSET:
        return []
    json_text = bytes(content)
    if json_text.startswith(b'"'):
        text = _text.decode(content)
        return _listed(text, noted) or ([Text(text)] if text else [])
    if not json_text.startswith(b"["):
        return [Text(json_text.decode())]
    blocks = [_block(raw, f"{where}[{number}]", noted) for number, raw in enumerate(items_of(content))]
    return [Text(block.text) if isinstance(block, ModelRefusal) else block for block in blocks]


def _listed(text: str, noted: Unread) -> list[ToolContent]:
    """The parts in a text that is a JSON list with an image in it; none in every other text."""
    if not text.startswith("[") or _LISTED_IMAGE.search(text) is None:
        return []
    try:
        blocks = [_block(raw, "", noted) for raw in items_of(text)]
    except (*NOT_JSON, LocalError):
        return []
    parts: list[ToolContent] = [block for block in blocks if isinstance(block, Text | Image | File | Opaque)]
    whole = len(parts) == len(blocks) and any(isinstance(part, Image) for part in parts)
    return parts if whole else []


def _image(part: RequestPart) -> Image | None:
    source = part.image_url
    if isinstance(source, str):
        source = RequestImage(source, part.detail)
    if source is None or not (source.url or source.file_id):
        return None
    detail = source.detail or part.detail
    match = _DATA_URL.match(source.url) if source.url else None
    if match is None or source.url is None:
        return Image(url=source.url, file_id=source.file_id, detail=detail)
    return Image(media_type=match[1] or None, data=source.url[match.end() :], detail=detail)


def _file(file: RequestFile | None) -> File | None:
    if file is None or not (file.file_id or file.file_data or file.file_url):
        return None
    match = _DATA_URL.match(file.file_data) if file.file_data else None
    data = file.file_data[match.end() :] if match and file.file_data else file.file_data
    return File(
        media_type=(match[1] or None) if match else None,
        data=data,
        url=file.file_url,
        file_id=file.file_id,
        filename=file.filename,
    )
