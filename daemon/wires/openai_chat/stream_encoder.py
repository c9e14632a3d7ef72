"""Hub events to the chunks of a Chat Completions stream.

Invariants of what is emitted:
1. The first chunk has the role, and nothing but a chunk with an ``error`` may come without it.
2. Deltas of text, refusal, thinking and arguments go out as they come, also of blocks that interleave;
   calls are numbered from 0 in the order in which they start.
3. Sources come in one delta at the end, pictures in another: the SDKs cannot add a second one to it.
4. A chunk with the ``finish_reason``, then one with the usage if the client asked for it, then ``[DONE]``,
   end the stream. A failure ends it with an ``error`` chunk and no ``[DONE]``: the OpenAI SDKs raise it.

A keep-alive is a chunk with an empty delta.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw

from daemon.errors import GatewayError
from daemon.inference.events import (
    OBJECT,
    BlockDelta,
    BlockEnd,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import encode
from daemon.wires.openai_chat.answer_parts import (
    annotation_of,
    custom_tools,
    finish_reason,
    image_of,
    own_image,
    usage_object,
)
from daemon.wires.openai_chat.errors import error_chunk

_DONE = b"data: [DONE]\n\n"
_CHOICES = b'"choices":'
_ROLE = b'{"role":"assistant","content":"","refusal":null}'


class _Place:
    """What stands around each delta of a block; of a text also where it begins in the content, and how
    long it is by now, in code points."""

    __slots__ = ("head", "length", "offset", "tail")

    def __init__(self, head: bytes, tail: bytes) -> None:
        self.head = head
        self.tail = tail
        self.offset: int | None = None
        self.length = 0


class ChatStreamEncoder:
    """One answer toward one client."""

    __slots__ = (
        "_begun",
        "_choice_tail",
        "_context",
        "_custom",
        "_ended",
        "_head",
        "_ids",
        "_lists",
        "_numbers",
        "_places",
        "_refused",
        "_tail",
        "_text_length",
        "_thought",
        "_waiting",
        "_wrapped",
        "kept",
    )

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._ids = CallIds(context)
        self._custom = custom_tools(context.request)
        self._begun = self._ended = False
        self._refused = self._thought = False  # the ``finish_reason``; whether a blank line parts the next thinking
        # A block is in ``_waiting`` until its first delta, so that an empty one leaves no trace and a call without
        # arguments gets ``{}``; then in ``_places``, whose deltas ``encode`` writes without a call: nine events in ten.
        self._waiting: dict[int, BlockStart] = {}
        self._places: dict[int, _Place] = {}
        self._numbers: dict[int, int] = {}  # calls are numbered by themselves: hub index -> ``tool_calls[].index``
        # Calls of custom tools that travel as functions: each piece of text must be escaped into one JSON string, so
        # that they never have a place.
        self._wrapped: set[int] = set()
        # Code points of finished texts: sources name places in the content, which is all texts in a row.
        self._text_length = 0
        self.kept = 0
        self._lists: dict[str, list[Raw]] = {}  # sources and pictures, which go out at the end (invariant 3)
        chunk = {"id": f"chatcmpl-{context.answer_id}", "object": "chat.completion.chunk", "created": context.created}
        chunk |= {"model": context.model, "system_fingerprint": None}
        self._head = b"data: " + encode(chunk)[:-1] + b"," + _CHOICES
        self._tail = b',"usage":null}\n\n' if context.request.include_usage else b"}\n\n"
        self._choice_tail = b',"logprobs":null,"finish_reason":null}]' + self._tail

    def encode(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        places = self._places
        for event in events:
            if type(event) is BlockDelta and (place := places.get(event.index)) is not None:
                place.length += len(event.text)
                out += (place.head, encode(event.text), place.tail)
            elif not self._ended:
                self._take(event, out)
        return b"".join(out)

    def keep_alive(self) -> bytes:
        if self._ended:
            return b""
        out: list[bytes] = []
        if self._begun:
            self._delta(b"{}", out)
        self._begin(out)
        return b"".join(out)

    def fail(self, error: GatewayError) -> bytes:
        if self._ended:
            return b""
        self._end()
        return error_chunk(error)

    def _take(self, event: Event, out: list[bytes]) -> None:
        match event:
            case BlockDelta():
                self._say(event.index, event.text, out)
            case BlockStart():
                self._start(event, out)
            case BlockEnd():
                self._stop(event, out)
            case PartBreak():
                self._break(event.index)
            case Cited():
                self._cite(event, out)
            case MessageStart():
                pass  # there is nothing to say yet
            case Finish():
                self._finish(event, out)
            case StreamError():
                out.append(self.fail(event.error))
            case _:
                assert_never(event)

    # --- blocks ---

    def _start(self, start: BlockStart, out: list[bytes]) -> None:
        self._waiting[start.index] = start
        if start.kind not in ("tool_call", "custom_tool_call"):
            return
        number = self._numbers[start.index] = len(self._numbers)
        name = start.name or ""
        call: dict[str, object] = {"index": number, "id": self._ids.take(start.id, name)}
        if start.kind == "custom_tool_call" and name in self._custom:
            call |= {"type": "custom", "custom": {"name": name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": name, "arguments": ""}}
        if start.kind == "custom_tool_call" and name not in self._custom:
            self._wrapped.add(start.index)
        self._delta(encode({"tool_calls": [call]}), out)

    def _say(self, index: int, text: str, out: list[bytes]) -> None:
        """The first delta of a block, of a part of it, or any of a custom call that travels as JSON."""
        start = self._waiting.pop(index, None)
        if index in self._wrapped:
            opening = '{"input":"' if start is not None else ""
            self._argue(index, opening + encode(text)[1:-1].decode(), out)
        elif start is not None:
            if start.kind == "reasoning":
                text = f"\n\n{text}" if self._thought else text
                self._thought = True
            place = self._place(start)
            place.length += len(text)
            self._begin(out)
            out += (place.head, encode(text), place.tail)

    def _place(self, start: BlockStart) -> _Place:
        match start.kind:
            case "text":
                head, tail = b'{"content":', b"}"
            case "refusal":
                head, tail = b'{"refusal":', b"}"
            case "reasoning":
                head, tail = b'{"reasoning_content":', b"}"
            case "tool_call":
                head = b'{"tool_calls":[{"index":%d,"function":{"arguments":' % self._numbers[start.index]
                tail = b"}}]}"
            case "custom_tool_call":
                head = b'{"tool_calls":[{"index":%d,"custom":{"input":' % self._numbers[start.index]
                tail = b"}}]}"
            case "hosted" | "opaque":
                head, tail = b"{", b"}"  # they come whole, with their end: no delta is ever written here
            case _:
                assert_never(start.kind)
        place = _Place(self._opening() + head, tail + self._choice_tail)
        if start.kind == "text":
            place.offset = self._text_length
        self._refused = self._refused or start.kind == "refusal"
        self._places[start.index] = place
        return place

    def _argue(self, index: int, text: str, out: list[bytes]) -> None:
        call = {"index": self._numbers[index], "function": {"arguments": text}}
        self._delta(encode({"tool_calls": [call]}), out)

    def _break(self, index: int) -> None:
        """The next part of the thinking begins with a blank line, if it says anything."""
        if self._places.pop(index, None) is not None:
            self._waiting[index] = BlockStart(index, "reasoning")

    def _cite(self, event: Cited, out: list[bytes]) -> None:
        start = self._waiting.pop(event.index, None)
        place = self._places.get(event.index) or (self._place(start) if start is not None else None)
        if place is None:
            return
        self._begin(out)
        annotation = annotation_of(event.citation, place.offset or 0, place.length)
        if annotation is not None:
            self._list("annotations", annotation)

    def _stop(self, end: BlockEnd, out: list[bytes]) -> None:
        start = self._waiting.pop(end.index, None)
        place = self._places.pop(end.index, None)
        if place is not None and place.offset is not None:
            self._text_length = max(self._text_length, place.offset + place.length)
        if end.index in self._wrapped:
            self._argue(end.index, '"}' if start is None else '{"input":""}', out)
        elif start is not None and start.kind == "tool_call":
            self._argue(end.index, "{}", out)
        image = image_of(end.hosted) if end.hosted is not None else own_image(end.opaque)
        if image is not None:
            self._list("images", image)

    def _list(self, field: str, entry: Raw) -> None:
        self._lists.setdefault(field, []).append(entry)
        self.kept += OBJECT + len(bytes(entry))

    # --- the wire ---

    def _opening(self) -> bytes:
        return self._head + b'[{"index":0,"delta":'

    def _delta(self, delta: bytes, out: list[bytes]) -> None:
        self._begin(out)
        out += (self._opening(), delta, self._choice_tail)

    def _begin(self, out: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            out += (self._opening(), _ROLE, self._choice_tail)

    def _finish(self, finish: Finish, out: list[bytes]) -> None:
        self._begin(out)
        for field, entries in self._lists.items():
            self._delta(encode({field: entries}), out)
        context = self._context
        tier = b'"service_tier":%b,' % encode(finish.service_tier) if finish.service_tier else b""
        reason = finish_reason(
            finish.reason, context.request, called=bool(self._numbers), refused=self._refused
        ).encode()
        head = self._head.removesuffix(_CHOICES) + tier + _CHOICES
        out.append(b'%b[{"index":0,"delta":{},"logprobs":null,"finish_reason":"%b"}]%b' % (head, reason, self._tail))
        if context.request.include_usage:
            usage = encode(usage_object(finish.usage, context.input_estimate))
            out.append(b'%b[],"usage":%b}\n\n' % (head, usage))
        out.append(_DONE)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._places.clear()
        self._waiting.clear()
