"""The hub's messages as input items, in their order: a message is closed before any other item.

A tool's failure has no field on this wire; it travels as the first line ``[tool error]`` of its output.
"""

from __future__ import annotations

import re
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
    ToolContent,
    ToolResult,
)
from daemon.inference.request import Message
from daemon.wires import web_search
from daemon.wires.added_text import reminder
from daemon.wires.json import type_of
from daemon.wires.media_text import line_for
from daemon.wires.naming import shorten_id, shorten_names
from daemon.wires.openai.documents import ERROR_MARK, FILES_OF_OPENAI, SAME_PARTS, inline_data, titled
from daemon.wires.openai_responses.answer_parts import search_action
from daemon.wires.openai_responses.plain_reasoning import plain_content
from daemon.wires.openai_responses.schema import (
    WIRE_NAME,
    ContentPart,
    CustomToolCall,
    CustomToolCallOutput,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputItem,
    InputMessage,
    InputText,
    OutputText,
    ReasoningInput,
    RefusalPart,
    Unset,
    WebSearchCall,
)

ID_LIMIT = 64
_OUTSIDE_ID = re.compile(r"[^A-Za-z0-9_-]")


class InputWriter:
    """Writes one request's input. ``names`` says how each tool's name is sent, ``lost`` collects what found no place.

    ``entry`` is the client's wire. ``role: system`` inside a conversation is something only
    Anthropic's clients send, for upstreams that refuse it there; from them it becomes a marked user message.
    """

    def __init__(self, entry: str, names: dict[str, str]) -> None:
        self._entry = entry
        self._names = names
        self._parts: list[ContentPart] = []
        self._open_calls: dict[str, str] = {}
        self._position = 0
        self._role = "user"
        self._id: str | None = None
        self.items: list[InputItem] = []
        self.lost: list[str] = []

    def system(self, texts: Sequence[Text]) -> None:
        """The system text, as a ``developer`` message."""
        parts: list[ContentPart] = [InputText(text.text) for text in texts if text.text]
        if parts:
            self.items.append(InputMessage("developer", parts))

    def message(self, position: int, message: Message) -> None:
        """One message of the hub; ``position`` names it in ``lost``."""
        self._position = position
        self._role, self._id = message.role, message.id
        wrapped = message.role == "system" and self._entry == "messages"
        if wrapped:
            self._role = "user"
        elif message.role == "system":
            self._role = "developer"
        for block in message.content:
            if wrapped and isinstance(block, Text):
                block = Text(reminder(block.text))
            self._block(block)
        self._flush()

    def _block(self, block: Block) -> None:
        match block:
            case Text():
                self._text(block.text)
            case ToolCall():
                self._call(block)
            case ToolResult():
                self._result(block)
            case Reasoning():
                self._reasoning(block)
            case Image() | File():
                self._medium(block)
            case ModelRefusal():
                self._parts.append(RefusalPart(block.text) if self._role == "assistant" else InputText(block.text))
            case HostedCall():
                self._hosted(block)
            case Opaque():
                self._opaque(block)
            case _:
                assert_never(block)

    def _flush(self) -> None:
        if self._parts:
            own_id = _own_id(self._id, "msg") if self._entry == WIRE_NAME else UNSET
            self.items.append(InputMessage(self._role, self._parts, own_id))
            self._parts = []
            self._id = None

    def _item(self, item: InputItem) -> None:
        self._flush()
        self.items.append(item)

    def _lose(self, what: str) -> None:
        self.lost.append(f"messages[{self._position}].{what}")

    def _text(self, text: str) -> None:
        if text:
            self._parts.append(OutputText(text) if self._role == "assistant" else InputText(text))

    def _medium(self, medium: Image | File) -> None:
        if self._role == "assistant":
            self._lose(_kind(medium))
            return
        self._parts.extend(media_parts(self._readable(medium)))

    def _readable(self, medium: Image | File) -> Image | File:
        """The same, but a line of text in place of a file in another vendor's store."""
        if medium.file_id is None or self._entry in FILES_OF_OPENAI:
            return medium
        self._lose(_kind(medium))
        return File(text=line_for(_kind(medium), medium.file_id))

    def _reasoning(self, reasoning: Reasoning) -> None:
        """Without a signature thinking cannot be handed back; nor can a user have thought."""
        if not reasoning.signature or self._role != "assistant":
            return
        own_id = _own_id(reasoning.id, "rs_")
        content = plain_content(reasoning)
        if content is None:
            self._item(ReasoningInput([], reasoning.signature, own_id))
        elif content:
            self._item(ReasoningInput([], id=own_id, content=content))

    def _call(self, call: ToolCall) -> None:
        call_id = shorten_id(call.id, ID_LIMIT)
        name = self._sent_name(call.name)
        namespace = UNSET if call.namespace is None else call.namespace
        self._open_calls[call_id] = call.kind
        if call.kind == "custom":
            own_id = _own_id(call.item_id, "ctc")
            self._item(CustomToolCall(call_id, name, call.arguments, namespace, own_id))
        else:
            own_id = _own_id(call.item_id, "fc")
            self._item(FunctionCall(call_id, name, call.arguments or "{}", namespace, own_id))

    def _sent_name(self, name: str) -> str:
        """The tools' own names are settled; a call of a tool that is offered no more is fitted by itself."""
        sent = self._names.get(name)
        if sent is None:
            sent = self._names[name] = shorten_names([name], ID_LIMIT).get(name, name)
        return sent

    def _result(self, result: ToolResult) -> None:
        """The output takes the family of its call, unless that lies in a response stored upstream."""
        call_id = shorten_id(result.call_id, ID_LIMIT)
        kind = self._open_calls.pop(call_id, result.kind)
        pieces = tuple([self._readable(each) if isinstance(each, Image | File) else each for each in result.content])
        output = tool_output(pieces, failed=bool(result.is_error))
        custom = kind == "custom"
        self._item(CustomToolCallOutput(call_id, output) if custom else FunctionCallOutput(call_id, output))

    def _hosted(self, call: HostedCall) -> None:
        if call.wire == WIRE_NAME and call.raw is not None:
            self._item(call.raw)
        elif call.name == web_search.NAME:
            identifier = f"ws_{_OUTSIDE_ID.sub('_', call.id)}"[:ID_LIMIT]
            self._item(WebSearchCall(identifier, "completed", search_action(call)))
            if web_search.is_missed(call):
                self._lose(call.name)
        else:
            self._lose(call.name)

    def _opaque(self, opaque: Opaque) -> None:
        if opaque.wire == WIRE_NAME:
            if type_of(opaque.raw).startswith("input_"):
                self._parts.append(opaque.raw)
            else:
                self._item(opaque.raw)
        elif self._role == "assistant":
            self._lose(type_of(opaque.raw) or "content")
        else:
            self._parts.append(foreign_part(opaque))


def _kind(medium: Image | File) -> str:
    return "image" if isinstance(medium, Image) else "document"


def tool_output(content: Sequence[ToolContent], *, failed: bool) -> str | list[ContentPart]:
    """Plain text as a string, anything else as a list of parts."""
    if all(isinstance(piece, Text) for piece in content) and len(content) <= 1:
        text = content[0].text if content and isinstance(content[0], Text) else ""
        return f"{ERROR_MARK}\n{text}" if failed else text
    parts: list[ContentPart] = [InputText(ERROR_MARK)] if failed else []
    for piece in content:
        parts.extend(_output_parts(piece))
    return parts


def _output_parts(piece: ToolContent) -> list[ContentPart]:
    match piece:
        case Text():
            return [InputText(piece.text)]
        case Image() | File():
            return media_parts(piece)
        case Opaque():
            return [piece.raw if piece.wire == WIRE_NAME else foreign_part(piece)]
        case _:
            assert_never(piece)


def foreign_part(opaque: Opaque) -> ContentPart:
    """Content that only another wire knows (``tool_reference``, ``search_result`` …): the model reads its JSON."""
    if type_of(opaque.raw) in SAME_PARTS:
        return opaque.raw
    return InputText(bytes(opaque.raw).decode("utf-8", "replace"))


def media_parts(medium: Image | File) -> list[ContentPart]:
    return [_image(medium)] if isinstance(medium, Image) else _file(medium)


def _image(image: Image) -> InputImage:
    detail: str | Unset = UNSET if image.detail is None else image.detail
    if image.file_id is not None:
        return InputImage(file_id=image.file_id, detail=detail)
    url = image.url
    if image.data is not None:
        url = f"data:{image.media_type or 'image/png'};base64,{image.data}"
    return InputImage(image_url=url or "", detail=detail)


def _file(file: File) -> list[ContentPart]:
    if file.text is not None:
        return [InputText(titled(file, file.text))]
    parts: list[ContentPart] = [InputText(titled(file, ""))] if file.context else []
    if file.file_id is not None:
        parts.append(InputFile(file_id=file.file_id))
    elif file.url is not None:
        parts.append(InputFile(file_url=file.url))
    else:
        filename, data = inline_data(file)
        parts.append(InputFile(filename=filename, file_data=data))
    return parts


def _own_id(identifier: str | None, prefix: str) -> str | Unset:
    """An id this wire made itself: OpenAI refuses others by prefix, and anything over 64 characters."""
    if identifier is None or not identifier.startswith(prefix) or len(identifier) > ID_LIMIT:
        return UNSET
    return identifier
