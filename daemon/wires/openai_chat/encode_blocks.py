"""The hub's messages as this wire's, in their order.

Invariants:
1. The results of an assistant's calls follow it at once, as the API demands: whatever else comes
   before the last of them (text, images of another result) waits, and keeps its order.
2. A ``tool`` message holds text alone. An image or document in a result is named there by a line of
   its own and follows, under the same line, in a user message.

A tool's failure has no field on this wire; it travels as the first line ``[tool error]`` of its result.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import assert_never

from msgspec import UNSET

from daemon.inference.blocks import (
    Block,
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
from daemon.inference.request import Message
from daemon.wires.call_ids import counted
from daemon.wires.json import type_of
from daemon.wires.naming import shorten_id
from daemon.wires.openai.documents import ERROR_MARK, SAME_PARTS, inline_data, titled
from daemon.wires.openai_chat.schema import (
    WIRE_NAME,
    ContentPart,
    CustomCall,
    FileObject,
    FilePart,
    FunctionCall,
    ImagePart,
    ImageUrl,
    MessageParam,
    NamedCustom,
    NamedFunction,
    TextPart,
    ToolCallParam,
)
from daemon.wires.tools import SentNames, wrapped

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Where thinking goes back; what came inside ``content`` is not handed back."""

CALL_ID_LIMIT = 40
"""OpenAI: "string too long. Expected a string with maximum length 40" for tool call ids on this wire."""

ID_LIMIT = 64
"""Of ids that are made here."""

_SYSTEM = ("system", "developer")


class MessageWriter:
    """Writes one request's messages. ``names`` says how each tool is named, ``lost`` collects what
    found no place. ``entry`` is the client's wire; ``openai``: the model is one of OpenAI's.

    It takes messages of which calls and results are paired already (``wires.paired_messages``)."""

    def __init__(self, entry: str, names: SentNames, *, openai: bool, echo: bool) -> None:
        self._entry = entry
        self._native = entry == WIRE_NAME
        self._names = names
        self._openai = openai
        self.id_limit = CALL_ID_LIMIT if openai else ID_LIMIT
        self._echo = echo
        self._open_calls: dict[str, str] = {}
        self._waiting: list[MessageParam] = []
        self._position = 0
        self._messages: list[MessageParam] = []
        self.lost: list[str] = []

    def system(self, texts: Sequence[Text]) -> None:
        """Every server knows ``system``; OpenAI's reasoning models take it for ``developer``."""
        if any(text.text for text in texts):
            self._messages.append(MessageParam("system", _joined([text.text for text in texts])))

    def message(self, position: int, message: Message) -> None:
        """One message of the hub; ``position`` names it in ``lost``."""
        self._position = position
        if message.role == "assistant":
            self._assistant(message.content)
        else:
            self._others(message)

    def finish(self) -> list[MessageParam]:
        """All messages; what waited for results that never came follows now."""
        self._release()
        return self._messages

    def _lose(self, what: str) -> None:
        self.lost.append(f"messages[{self._position}].{what}")

    # --- system and user ---

    def _others(self, message: Message) -> None:
        role = message.role if self._native or message.role not in _SYSTEM else "system"
        parts: list[ContentPart] = []
        for block in message.content:
            if isinstance(block, ToolResult):
                self._result(block)
            else:
                parts.extend(self._part(block))
        if parts:
            self._add(MessageParam(role, self._content(parts)))

    def _part(self, block: Block) -> list[ContentPart]:
        match block:
            case Text() | ModelRefusal():
                return [TextPart(block.text)]
            case Image() | File():
                return self._medium(block)
            case Opaque():
                return [opaque_part(block)]
            case HostedCall():
                self._lose(block.name)
            case Reasoning() | ToolCall() | ToolResult():
                pass  # not a user's: no decoder makes such a message, so that nothing is lost
            case _:
                assert_never(block)
        return []

    def _medium(self, medium: Image | File) -> list[ContentPart]:
        part = medium_part(medium, self._entry)
        if part is not None:
            about = context_part(medium) if isinstance(part, FilePart) else None
            return [part] if about is None else [about, part]
        kind = "image" if isinstance(medium, Image) else "document"
        self._lose(kind)
        where = medium.url or medium.file_id
        return [TextPart(f"[{kind} at {where}, which could not be passed on]")] if where else []

    def _content(self, parts: list[ContentPart]) -> str | list[ContentPart]:
        """Text is a string, which every server reads; parts where a client of this wire sent several."""
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        if len(texts) < len(parts) or (self._native and len(parts) > 1):
            return parts
        return _joined(texts)

    def _add(self, message: MessageParam) -> None:
        (self._waiting if self._open_calls else self._messages).append(message)

    def _release(self) -> None:
        self._open_calls.clear()
        self._messages += self._waiting
        self._waiting = []

    # --- tool results ---

    def _result(self, result: ToolResult) -> None:
        call_id = result.call_id
        name = self._open_calls.pop(call_id)
        texts: list[ContentPart] = [TextPart(ERROR_MARK)] if result.is_error else []
        media: list[ContentPart] = []
        for piece in result.content:
            if isinstance(piece, Image | File):
                self._attach(piece, f"{name} ({call_id})", texts, media)
            else:
                texts.extend(self._part(piece))
        self._messages.append(MessageParam("tool", self._output(texts), tool_call_id=call_id))
        if media:
            self._waiting.append(MessageParam("user", media))
        if not self._open_calls:
            self._release()

    def _attach(self, piece: Image | File, whose: str, texts: list[ContentPart], media: list[ContentPart]) -> None:
        parts = self._medium(piece)
        if all(isinstance(part, TextPart) for part in parts):
            texts += parts
            return
        word = "image" if isinstance(piece, Image) else "document"
        line = TextPart(f"[{word} {len(media) // 2 + 1} of the result of {whose}]")
        texts.append(line)
        media += [line, *parts]

    def _output(self, texts: list[ContentPart]) -> str | list[ContentPart]:
        if texts and isinstance(texts[0], TextPart) and texts[0].text == ERROR_MARK and not self._native:
            rest = self._content(texts[1:])
            return f"{ERROR_MARK}\n{rest}" if isinstance(rest, str) else texts
        return self._content(texts)

    def call_id(self, call: ToolCall) -> str:
        """How the call's id is written. Only OpenAI is known to limit it; what a Messages client has of an id of Kimi's
        is written as Kimi does."""
        if self._openai:
            return shorten_id(call.id, CALL_ID_LIMIT)
        return counted(call.id, self._names.of(call.name, call.namespace)) if self._entry == "messages" else call.id

    # --- the assistant ---

    def _assistant(self, content: Sequence[Block]) -> None:
        self._release()
        parts: list[ContentPart] = []
        calls: list[ToolCallParam] = []
        message = MessageParam("assistant", None)
        for block in content:
            match block:
                case Text():
                    parts.extend([TextPart(block.text)] if block.text else [])
                case ToolCall():
                    calls.append(self._call(block))
                case ModelRefusal() if self._native:
                    message.refusal = block.text
                case ModelRefusal():
                    parts.append(TextPart(block.text))
                case Reasoning():
                    self._reasoning(block, message)
                case Image() | File() | ToolResult() | HostedCall() | Opaque():
                    self._rest(block, parts)
                case _:
                    assert_never(block)
        if parts:
            message.content = self._content(parts)
        if calls:
            message.tool_calls = calls
        if parts or calls or message.refusal is not UNSET:
            self._messages.append(message)

    def _rest(self, block: Image | File | ToolResult | HostedCall | Opaque, parts: list[ContentPart]) -> None:
        """What an assistant's message has no place for on this wire, but for its own kinds of content."""
        match block:
            case Opaque(wire="chat"):
                parts.append(block.raw)
            case Opaque():
                self._lose(type_of(block.raw) or "content")
            case HostedCall():
                self._lose(block.name)
            case Image():
                self._lose("image")
            case File() | ToolResult():
                self._lose("document")
            case _:
                assert_never(block)

    def _reasoning(self, reasoning: Reasoning, message: MessageParam) -> None:
        """Thinking goes back where it came from, in the field it came in. A client of this wire that sends
        it knows that its upstream wants it. Other upstreams' thinking is not reported as lost: this API has no form for
        it at all, and every conversation of Claude Code would be named."""
        field = reasoning.signature or (REASONING_FIELDS[0] if self._native else None)
        if field not in REASONING_FIELDS or not reasoning.parts:
            return
        if not self._echo:
            self._lose(field)
            return
        before = getattr(message, field)
        setattr(message, field, reasoning.text if before is UNSET else f"{before}\n\n{reasoning.text}")

    def _call(self, call: ToolCall) -> ToolCallParam:
        call_id = call.id
        self._open_calls[call_id] = call.name
        name = self._names.of(call.name, call.namespace)
        if call.kind == "custom" and self._native:
            return CustomCall(call_id, NamedCustom(name, call.arguments))
        arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments or "{}"
        return FunctionCall(call_id, NamedFunction(name, arguments))


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(text for text in texts if text)


# --- images and documents as content parts -------------------------------------------------------


_TEXTUAL = ("text/", "application/json", "application/xml")

_OPENAI = ("chat", "responses")
"""Wires whose clients name files of one and the same store."""


def medium_part(medium: Image | File, entry: str) -> ContentPart | None:
    """The part, or None for what this wire has no form for. ``entry`` is the wire of the client."""
    return _image(medium, entry) if isinstance(medium, Image) else _file(medium, entry)


def opaque_part(opaque: Opaque) -> ContentPart:
    """This wire's own part as it came; of another's, the model reads the JSON."""
    if opaque.wire == WIRE_NAME or type_of(opaque.raw) in SAME_PARTS:
        return opaque.raw
    return TextPart(bytes(opaque.raw).decode("utf-8", "replace"))


def _image(image: Image, entry: str) -> ContentPart | None:
    detail = UNSET if image.detail is None else image.detail
    if image.data is not None:
        return ImagePart(ImageUrl(f"data:{image.media_type or 'image/png'};base64,{image.data}", detail=detail))
    if image.url is not None:
        return ImagePart(ImageUrl(image.url, detail=detail))
    if image.file_id is not None and entry == WIRE_NAME:
        return ImagePart(ImageUrl(file_id=image.file_id, detail=detail))
    return None


def _file(file: File, entry: str) -> ContentPart | None:
    """A document whose bytes are text goes as text: of others OpenAI takes PDF alone, most servers none."""
    filename = UNSET if file.filename is None else file.filename
    if file.text is not None:
        return TextPart(titled(file, file.text))
    if file.data is not None:
        text = _text_in(file) if entry != WIRE_NAME else None
        return TextPart(titled(file, text)) if text is not None else _inline(file, entry)
    if file.file_id is not None and entry in _OPENAI:
        return FilePart(FileObject(filename, file_id=file.file_id))
    if file.url is not None and entry == WIRE_NAME:
        return FilePart(FileObject(filename, file_url=file.url))
    return None


def _inline(file: File, entry: str) -> FilePart:
    if file.media_type is None and entry == WIRE_NAME:
        return FilePart(FileObject(UNSET if file.filename is None else file.filename, file_data=file.data or ""))
    filename, data = inline_data(file)
    return FilePart(FileObject(filename, file_data=data))


def _text_in(file: File) -> str | None:
    if not (file.media_type or "").startswith(_TEXTUAL):
        return None
    try:
        return base64.b64decode(file.data or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def context_part(medium: Image | File) -> TextPart | None:
    """What the client says about a document that goes as a file, which has no field for it."""
    return TextPart(titled(medium, "")) if isinstance(medium, File) and medium.context else None
