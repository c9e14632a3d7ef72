"""The hub's messages as a Messages request: roles, order of blocks, sources of images and documents.

The API wants turns to alternate, tool results first in theirs, and one turn of results per turn of
calls; OpenAI's wires send each call and each result as an item of its own. So neighbours of one role
become one message, and results move to its front.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw

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
from daemon.wires.added_text import reminder
from daemon.wires.anthropic_messages.answer_parts import fitting_id, tool_input
from daemon.wires.anthropic_messages.schema import WIRE_NAME
from daemon.wires.anthropic_messages.searches import hosted_blocks
from daemon.wires.json import type_of
from daemon.wires.media_text import line_for
from daemon.wires.paired_messages import with_paired_calls
from daemon.wires.tools import SentNames
from daemon.wires.web_search import is_missed, search_text

Json = dict[str, object]

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", re.S)
ID_LIMIT = 64
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


class RequestBlocks:
    """Encodes the blocks of one request; ``lost`` collects what the wire cannot carry, by place."""

    def __init__(self, names: SentNames, *, native: bool) -> None:
        self._names = names
        self._native = native
        """Whether the client uses this wire too, so that vendor-only forms may go through."""
        self.lost: list[str] = []

    def messages(self, messages: Sequence[Message], first: int = 0) -> list[Json]:
        """``first`` is the number of the first of them in the client's request."""
        turns: list[tuple[str, list[Json | Raw]]] = []
        numbered = list(enumerate(messages, first))
        for number, message in with_paired_calls(numbered, lambda call: tool_id(call.id), ID_LIMIT, self.lost):
            role, blocks = self._message(message, f"messages[{number}]")
            if not blocks:
                continue
            if turns and turns[-1][0] == role:
                turns[-1][1].extend(blocks)
            else:
                turns.append((role, blocks))
        return [{"role": role, "content": _results_first(blocks)} for role, blocks in turns]

    def _message(self, message: Message, where: str) -> tuple[str, list[Json | Raw]]:
        role = message.role
        system = role in ("system", "developer")
        if system and self._native:
            return "system", self._blocks(message, where)
        if system:
            # In the middle of a conversation other models know no system turn: Claude Code's own form, a text.
            texts = [block.text for block in message.content if isinstance(block, Text)]
            self.lost += (f"{where}.{word_for(block)}" for block in message.content if not isinstance(block, Text))
            return "user", [{"type": "text", "text": reminder("\n".join(texts))}] if texts else []
        return role, self._blocks(message, where)

    def _blocks(self, message: Message, where: str) -> list[Json | Raw]:
        out: list[Json | Raw] = []
        for block in message.content:
            encoded = self._block(block, where)
            out += encoded
            if isinstance(block, HostedCall):
                missed = block.wire != WIRE_NAME and is_missed(block)
            else:
                missed = not encoded and not (isinstance(block, Text) and not block.text)
            if missed:
                self.lost.append(f"{where}.{word_for(block)}")
                out += _line_for(block)
        return out

    def _block(self, block: Block, where: str) -> list[Json | Raw]:
        match block:
            case Text() | ModelRefusal():
                return [{"type": "text", "text": block.text}] if block.text else []
            case ToolCall():
                name = self._names.of(block.name, block.namespace)
                return [{"type": "tool_use", "id": tool_id(block.id), "name": name, "input": tool_input(block)}]
            case ToolResult():
                return self._result(block, where)
            case Reasoning():
                return _thinking(block)
            case Image():
                return _image(block, native=self._native)
            case File():
                return _document(block, native=self._native)
            case HostedCall():
                return self._hosted(block, where)
            case Opaque():
                return [block.raw] if block.wire == WIRE_NAME else []
            case _:
                assert_never(block)

    def _hosted(self, call: HostedCall, where: str) -> list[Json | Raw]:
        """The API takes only its own searches back, whose results are encrypted."""
        if call.wire == WIRE_NAME:
            return list(hosted_blocks(call))
        text = search_text(call)
        return [{"type": "text", "text": text}] if text else []

    def _result(self, result: ToolResult, where: str) -> list[Json | Raw]:
        content: list[Json | Raw] = []
        for block in result.content:
            encoded = self._block(block, where)
            content += encoded
            if not encoded and not isinstance(block, Text):
                self.lost.append(f"{where}.{word_for(block)}")
                content += _line_for(block)
        body: Json = {"type": "tool_result", "tool_use_id": tool_id(result.call_id)}
        if content:
            body["content"] = content
        if result.is_error is not None:
            body["is_error"] = result.is_error
        return [body]


def word_for(block: Block) -> str:
    """What a loss calls the block: the same word on every wire."""
    match block:
        case Image():
            return "image"
        case File():
            return "document"
        case Reasoning():
            return "reasoning"
        case HostedCall():
            return block.name
        case Opaque():
            return type_of(block.raw) or "content"
        case Text() | ModelRefusal() | ToolCall() | ToolResult():
            return "content"
        case _:
            assert_never(block)


def _line_for(block: Block) -> list[Json]:
    """What stands in place of an image or a document that can be named, for the model to know of."""
    where = (block.url or block.file_id or "") if isinstance(block, Image | File) else ""
    named = bool(where) and not where.startswith("data:")
    return [{"type": "text", "text": line_for(word_for(block), where)}] if named else []


def tool_id(identifier: str) -> str:
    """An id as the API takes it; the same for a call and its result."""
    return fitting_id(identifier) or "toolu_0"


def _results_first(blocks: list[Json | Raw]) -> list[Json | Raw]:
    return sorted(blocks, key=lambda block: not (isinstance(block, dict) and block["type"] == "tool_result"))


def _thinking(block: Reasoning) -> list[Json | Raw]:
    """Thinking without a signature is refused by the API, so it is not sent."""
    if not block.signature:
        return []
    if block.redacted:
        return [{"type": "redacted_thinking", "data": block.signature}]
    return [{"type": "thinking", "thinking": block.text, "signature": block.signature}]


def _image(image: Image, *, native: bool) -> list[Json | Raw]:
    source = _source(image.media_type, image.data, image.url, image.file_id if native else None)
    if source is None or (source["type"] == "base64" and source["media_type"] not in _IMAGE_TYPES):
        return []
    return [{"type": "image", "source": source}]


def _document(file: File, *, native: bool) -> list[Json | Raw]:
    source = _document_source(file, native=native)
    if source is None:
        return []
    body: Json = {"type": "document", "source": source}
    if file.filename:
        body["title"] = file.filename
    if file.context:
        body["context"] = file.context
    return [body]


def _document_source(file: File, *, native: bool) -> Json | None:
    if file.text is not None:
        return {"type": "text", "media_type": "text/plain", "data": file.text}
    source = _source(file.media_type, file.data, file.url, file.file_id if native else None)
    if source is None or source["type"] != "base64" or source["media_type"] == "application/pdf":
        return source
    return _text_source(str(source["media_type"]), str(source["data"]))


def _text_source(media_type: str, data: str) -> Json | None:
    """Text files travel as text; other binary documents have no form on this wire."""
    if not media_type.startswith("text/") and media_type not in ("application/json", "application/xml"):
        return None
    try:
        text = base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _source(media_type: str | None, data: str | None, url: str | None, file_id: str | None) -> Json | None:
    if url and (match := _DATA_URL.match(url)):
        if ";base64" not in match.group(2):
            return None
        media_type, data = match.group(1), match.group(3)
    if data is not None:
        return {"type": "base64", "media_type": media_type or "application/octet-stream", "data": data}
    if url:
        return {"type": "url", "url": url}
    return {"type": "file", "file_id": file_id} if file_id else None
