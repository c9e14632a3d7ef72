"""The hub's messages as this wire's, in their order.

Invariants:
1. The results of an assistant's calls follow it at once, as the API demands: whatever else comes
   before the last of them (text, images of another result) waits, and keeps its order.
2. A ``tool`` message holds text alone. An image or document in a result is named there by a line of
   its own and follows, under the same line, in a user message.
3. Of a client of another wire there is one system message, the first: all system and developer texts that open the
   conversation. Later ones are marked user text, where they stand: moved to the front, they would spoil the prompt
   cache. Neighbours of one role are one message. So want the templates of Qwen, Gemma and Mistral
   ("System message must be at the beginning", "roles must alternate"), and no server minds.

A tool's failure has no field on this wire; it travels as the first line ``[tool error]`` of its result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, assert_never

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
from daemon.wires.added_text import reminder
from daemon.wires.call_ids import counted
from daemon.wires.json import type_of
from daemon.wires.media_text import line_for
from daemon.wires.naming import shorten_id
from daemon.wires.openai.documents import ERROR_MARK
from daemon.wires.openai_chat.carried_state import MESSAGE_FIELDS, OF_CALLS, TEXT_FIELDS, carried_in, with_more
from daemon.wires.openai_chat.encode_parts import context_part, medium_part, opaque_part, thinking_part
from daemon.wires.openai_chat.joined_turns import joined_turns
from daemon.wires.openai_chat.message_objects import joined
from daemon.wires.openai_chat.schema import (
    WIRE_NAME,
    ContentPart,
    CustomCall,
    FilePart,
    FunctionCall,
    MessageParam,
    NamedCustom,
    NamedFunction,
    TextPart,
    ToolCallParam,
)
from daemon.wires.tools import SentNames, wrapped
from daemon.wires.web_search import is_missed, search_text

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Where servers want thinking that they demand."""

CALL_ID_LIMIT = 40
"""OpenAI: "string too long. Expected a string with maximum length 40" for tool call ids on this wire."""

ID_LIMIT = 64
"""Of ids that are made here."""

_SYSTEM = ("system", "developer")


class MessageWriter:
    """Writes one request's messages. ``names`` says how each tool is named, ``lost`` collects what
    found no place. ``entry`` is the client's wire; ``openai``: the model is one of OpenAI's; ``refused``: fields that
    this upstream does not take.

    It takes messages of which calls and results are paired already (``wires.paired_messages``)."""

    def __init__(self, entry: str, names: SentNames, *, openai: bool, refused: AbstractSet[str] = frozenset()) -> None:
        self._entry = entry
        self._native = entry == WIRE_NAME
        self._names = names
        self._openai = openai
        self.id_limit = CALL_ID_LIMIT if openai else ID_LIMIT
        self._refused = refused
        self._echo = refused.isdisjoint(REASONING_FIELDS)
        self._open_calls: dict[str, str] = {}
        self._waiting: list[MessageParam] = []
        self._position = 0
        self._opening: list[str] = []
        self._of_next_call: Mapping[str, Any] = {}  # what goes back with the call that follows
        self._messages: list[MessageParam] = []
        self.lost: list[str] = []

    def system(self, texts: Sequence[Text]) -> None:
        """Every server knows ``system``; OpenAI's reasoning models take it for ``developer``."""
        self._opening += [text.text for text in texts if text.text]

    def message(self, position: int, message: Message) -> None:
        """One message of the hub; ``position`` names it in ``lost``."""
        self._position = position
        if message.role == "assistant":
            self._assistant(message.content)
        elif message.role in _SYSTEM and not self._native:
            self._system_text(message.content)
        else:
            self._others(message)

    def finish(self) -> list[MessageParam]:
        """All messages; what waited for results that never came follows now."""
        self._release()
        opening = [MessageParam("system", joined(self._opening))] if self._opening else []
        return opening + (self._messages if self._native else joined_turns(self._messages))

    def _lose(self, what: str) -> None:
        self.lost.append(f"messages[{self._position}].{what}")

    # --- system and user ---

    def _system_text(self, content: Sequence[Block]) -> None:
        parts = self._said(content)
        text = joined([part.text for part in parts if isinstance(part, TextPart)])
        others: list[ContentPart] = [part for part in parts if not isinstance(part, TextPart)]
        if not self._messages and not self._waiting:
            self._opening += [text] if text else []
        elif text:
            others.insert(0, TextPart(reminder(text)))
        if others:
            self._add(MessageParam("user", self._content(others)))

    def _others(self, message: Message) -> None:
        parts = self._said(message.content)
        if parts:
            self._add(MessageParam(message.role, self._content(parts)))

    def _said(self, content: Sequence[Block]) -> list[ContentPart]:
        """All but the results, which are messages of their own."""
        parts: list[ContentPart] = []
        for block in content:
            if isinstance(block, ToolResult):
                self._result(block)
            else:
                parts.extend(self._part(block))
        return parts

    def _part(self, block: Block) -> list[ContentPart]:
        match block:
            case Text() | ModelRefusal():
                return [TextPart(block.text)]
            case Image() | File():
                return self._medium(block)
            case Opaque():
                part = opaque_part(block)
                if part is not None:
                    return [part]
                self._lose(type_of(block.raw) or "content")
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
        return [TextPart(line_for(kind, where))] if where else []

    def _content(self, parts: list[ContentPart]) -> str | list[ContentPart]:
        """Text is a string, which every server reads; parts where a client of this wire sent several."""
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        if len(texts) < len(parts) or (self._native and len(parts) > 1):
            return parts
        return joined(texts)

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
        self._of_next_call = {}
        thinking = 0
        for block in content:
            match block:
                case Text():
                    parts.extend([TextPart(block.text)] if block.text else [])
                case ToolCall():
                    calls.append(self._call(block))
                    _put(calls[-1], self._of_next_call)
                    self._of_next_call = {}
                case ModelRefusal() if self._native:
                    message.refusal = block.text
                case ModelRefusal():
                    parts.append(TextPart(block.text))
                case Reasoning():
                    thoughts = self._reasoning(block, message, calls)
                    thinking += len(thoughts)
                    parts += thoughts
                case Image() | File() | ToolResult() | HostedCall() | Opaque():
                    self._rest(block, parts)
                case _:
                    assert_never(block)
        if parts:
            message.content = self._content(parts)
        if calls:
            message.tool_calls = calls
        if len(parts) > thinking or calls or message.refusal is not UNSET:
            self._messages.append(message)

    def _rest(self, block: Image | File | ToolResult | HostedCall | Opaque, parts: list[ContentPart]) -> None:
        """What an assistant's message has no place for on this wire, but for its own kinds of content."""
        match block:
            case Opaque(wire="chat"):
                parts.append(block.raw)
            case Opaque():
                self._lose(type_of(block.raw) or "content")
            case HostedCall():
                self._hosted(block, parts)
            case Image():
                self._lose("image")
            case File() | ToolResult():
                self._lose("document")
            case _:
                assert_never(block)

    def _hosted(self, call: HostedCall, parts: list[ContentPart]) -> None:
        """What the upstream ran by itself has no place here: the model reads what a search found."""
        text = search_text(call)
        if text:
            parts.append(TextPart(text))
        if is_missed(call):
            self._lose(call.name)

    def _reasoning(
        self, reasoning: Reasoning, message: MessageParam, calls: Sequence[ToolCallParam]
    ) -> list[ContentPart]:
        """Thinking goes back where it came from, as it came: what was a part of the content as such. A client of this
        wire that sends it knows that its upstream wants it. What another upstream made is not here: the gateway has
        left it out."""
        state = carried_in(reasoning.signature or (REASONING_FIELDS[0] if self._native else None))
        self._of_next_call = {**self._of_next_call, **state.call}
        if calls:
            _put(calls[-1], state.last_call)
        if state.field in TEXT_FIELDS and reasoning.parts:
            self._give_back(message, state.field, reasoning.text)
        for name, value in state.message.items():
            self._give_back(message, name, value)
        return [thinking_part(reasoning.text)] if state.field == "content" and reasoning.parts else []

    def _give_back(self, message: MessageParam, field: str, value: Any) -> None:
        if field in self._refused or (field in REASONING_FIELDS and not self._echo):
            self._lose(field)
        elif field in MESSAGE_FIELDS:
            setattr(message, field, with_more(field, getattr(message, field), value))

    def _call(self, call: ToolCall) -> ToolCallParam:
        call_id = call.id
        self._open_calls[call_id] = call.name
        name = self._names.of(call.name, call.namespace)
        if call.kind == "custom" and self._native:
            return CustomCall(call_id, NamedCustom(name, call.arguments))
        arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments or "{}"
        return FunctionCall(call_id, NamedFunction(name, arguments))


def _put(call: ToolCallParam, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        if name in OF_CALLS:
            setattr(call, name, value)
