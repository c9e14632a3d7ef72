"""The event stream of a Messages upstream to hub events.

Invariants: those of ``inference.events``, whatever the upstream sends. Unknown events, deltas and
fields are ignored; unknown blocks become ``Opaque``. Only ``message_stop`` is a good end: a body
that ends before it is a failure, also after ``message_delta``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import DecodeError, Raw, Struct

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.blocks import Opaque
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockKind,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    StreamError,
)
from daemon.wires.anthropic_messages.decode_answer import (
    explanation_of,
    finish_reason,
    result_id_of,
    server_use_of,
    service_tier_of,
    usage_of,
)
from daemon.wires.anthropic_messages.decode_blocks import WIRE_NAME, citation_of, citations_of, is_set, search_call
from daemon.wires.anthropic_messages.errors import remote_error
from daemon.wires.anthropic_messages.schema import Delta, ErrorObject, StopDetails, StreamEvent, UsageBody
from daemon.wires.custom_tools import InputReader
from daemon.wires.offered_tools import called_tool
from daemon.wires.sse import SseSplitter

_event = msgspec.json.Decoder(StreamEvent)
_fields = msgspec.json.Decoder(dict[str, Raw])
_dumps = msgspec.json.encode


class _BlockStartBody(Struct):
    """The parts of any ``content_block`` that we look at."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = Raw()
    citations: Raw = Raw()


_block_start = msgspec.json.Decoder(_BlockStartBody)

_KINDS: Mapping[str, BlockKind] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "tool_call",
}


class _Open(Struct):
    """A content block of the upstream that has not ended."""

    index: int
    kind: BlockKind
    raw: Raw
    start: _BlockStartBody
    signature: str = ""
    pieces: list[str] = []
    text: str = ""
    reader: InputReader | None = None
    """Unwraps the input of a custom tool's call."""


class MessagesStreamDecoder:
    """One answer's decoder."""

    __slots__ = (
        "_begun",
        "_blocks",
        "_called",
        "_details",
        "_ended",
        "_names",
        "_next",
        "_searches",
        "_splitter",
        "_stop",
        "_usage",
    )

    def __init__(self, names: Mapping[str, str]) -> None:
        self._splitter = SseSplitter()
        self._names = names
        self._begun = self._ended = self._called = False
        self._next = 0
        self._blocks: dict[int, _Open] = {}
        self._searches: dict[str, tuple[int, bytes]] = {}  # id -> (hub index, the server_tool_use block)
        self._stop = Delta()
        self._details: StopDetails | None = None
        self._usage = UsageBody()

    def feed(self, data: bytes) -> list[Event]:
        if self._ended:
            return []
        out: list[Event] = []
        try:
            for payload in self._splitter.feed(data):
                self._take(payload, out)
        except RemoteError as error:
            self._fail(error, out)
        return out

    def close(self) -> list[Event]:
        out: list[Event] = []
        if self._ended:
            return out
        for payload in self._splitter.close():
            try:
                _event.decode(payload)
            except (DecodeError, UnicodeDecodeError, RecursionError):
                break  # half an event: the cut itself is what to tell
            self._take(payload, out)
        if not self._ended:
            self._fail(RemoteError(ErrorKind.API, "the upstream's stream ended before message_stop"), out)
        return out

    def _take(self, payload: bytes, out: list[Event]) -> None:
        if self._ended:
            return
        try:
            event = _event.decode(payload)
            match event.type:
                case "content_block_delta":
                    self._delta(event, out)
                case "content_block_start":
                    self._start_block(event, out)
                case "content_block_stop":
                    self._stop_block(event.index, out)
                case "message_start":
                    self._begin(event, out)
                case "message_delta":
                    self._message_delta(event)
                case "message_stop":
                    self._finish(out)
                case "error":
                    self._fail(remote_error(event.error or ErrorObject()), out)
                case "" if event.error is not None:
                    self._fail(remote_error(event.error), out)
                case _:  # ping, and what is yet to come
                    pass
        except (DecodeError, UnicodeDecodeError, RecursionError):
            if payload != b"[DONE]":  # OpenAI's habit, which some compatible servers keep on every wire
                self._fail(RemoteError(ErrorKind.API, "the upstream sent an event that is not valid JSON"), out)

    # The message ------------------------------------------------------------------------------

    def _begin(self, event: StreamEvent | None, out: list[Event]) -> None:
        if self._begun:
            return
        self._begun = True
        message = event.message if event is not None else msgspec.UNSET
        if message is msgspec.UNSET:
            out.append(MessageStart("", ""))
            return
        self._merge(message.usage)
        out.append(MessageStart(message.id, message.model, usage_of(message.usage)))

    def _message_delta(self, event: StreamEvent) -> None:
        if event.delta is not msgspec.UNSET:
            self._stop = event.delta
        self._merge(event.usage)

    def _merge(self, usage: UsageBody | None) -> None:
        """Later counts replace earlier ones; what an event leaves out stays."""
        for name in UsageBody.__struct_fields__:
            value = getattr(usage, name, None)
            if value is not None:
                setattr(self._usage, name, value)

    def _finish(self, out: list[Event]) -> None:
        self._begin(None, out)
        for wire_index in tuple(self._blocks):
            self._stop_block(wire_index, out)
        for identifier in tuple(self._searches):
            self._end_search(identifier, None, out)
        stop = self._stop
        explanation = explanation_of(stop.stop_reason, stop.stop_details)
        if explanation and self._next == 0:
            index = self._open_index()
            out += (BlockStart(index, "refusal"), BlockDelta(index, explanation), BlockEnd(index))
        reason = finish_reason(stop.stop_reason, called=self._called)
        out.append(Finish(reason, usage_of(self._usage), stop.stop_sequence, service_tier_of(self._usage)))
        self._ended = True

    def _fail(self, error: GatewayError, out: list[Event]) -> None:
        self._begin(None, out)
        out.append(StreamError(error))
        self._ended = True

    # Its blocks -------------------------------------------------------------------------------

    def _open_index(self) -> int:
        self._next += 1
        return self._next - 1

    def _start_block(self, event: StreamEvent, out: list[Event]) -> None:
        self._begin(None, out)
        self._stop_block(event.index, out)  # an upstream that reuses an index without a stop
        raw = event.content_block
        if (identifier := result_id_of(raw)) in self._searches and identifier is not None:
            self._end_search(identifier, raw, out)
            return
        start = _block_start.decode(raw) if raw else _BlockStartBody()
        kind = _KINDS.get(start.type, "opaque")
        if kind == "tool_call" and not start.name:
            return  # a call that nobody can name cannot be made
        if kind == "opaque" and server_use_of(raw) is not None:
            kind = "hosted"
        block = _Open(self._open_index(), kind, raw, start, start.signature or "", [])
        self._blocks[event.index] = block
        out.append(self._start_event(block))
        if start.text or start.thinking:
            out.append(BlockDelta(block.index, start.text or start.thinking))
        out += [Cited(block.index, citation) for citation in citations_of(start.citations)]

    def _start_event(self, block: _Open) -> BlockStart:
        start = block.start
        if block.kind != "tool_call":
            return BlockStart(block.index, block.kind)
        self._called = True
        tool = called_tool(self._names, start.name or "")
        if tool.custom:
            block.reader = InputReader()
        kind: BlockKind = "custom_tool_call" if tool.custom else "tool_call"
        return BlockStart(block.index, kind, start.id or "", tool.name, tool.namespace)

    def _delta(self, event: StreamEvent, out: list[Event]) -> None:
        block = self._blocks.get(event.index)
        delta = event.delta
        if block is None or delta is msgspec.UNSET:
            return
        text = delta.text or delta.thinking or delta.partial_json
        match block.kind, delta.type:
            case ("text", "text_delta") | ("reasoning", "thinking_delta"):
                if text:
                    out.append(BlockDelta(block.index, text))
            case "tool_call", "input_json_delta":
                if text:
                    block.text = "sent"
                    self._input(block, text, out)
            case "reasoning", "signature_delta":
                block.signature += delta.signature
            case "text", "citations_delta":
                if is_set(delta.citation):
                    out.append(Cited(block.index, citation_of(delta.citation)))
            case (("hosted" | "opaque"), _):
                block.pieces.append(text)
                block.text += delta.content or ""
            case _:
                pass

    def _stop_block(self, wire_index: int, out: list[Event]) -> None:
        block = self._blocks.pop(wire_index, None)
        if block is None:
            return
        index, start = block.index, block.start
        match block.kind:
            case "reasoning" if start.type == "redacted_thinking":
                out.append(BlockEnd(index, signature=start.data or None, redacted=True))
            case "reasoning":
                out.append(BlockEnd(index, signature=block.signature or None))
            case "hosted":
                self._searches[start.id or ""] = (index, _whole(block))
            case "opaque":
                out.append(BlockEnd(index, opaque=Opaque(WIRE_NAME, Raw(_whole(block)))))
            case "tool_call":
                self._end_call(block, out)
            case _:
                out.append(BlockEnd(index))

    def _end_call(self, block: _Open, out: list[Event]) -> None:
        given = bytes(block.start.input).decode()
        if not block.text and given not in ("", "null", "{}"):
            self._input(block, given, out)  # input that came whole, with the start
        if block.reader is not None and (rest := block.reader.close()):
            out.append(BlockDelta(block.index, rest))
        out.append(BlockEnd(block.index))

    def _input(self, block: _Open, text: str, out: list[Event]) -> None:
        if block.reader is not None:
            text = block.reader.feed(text)
        if text:
            out.append(BlockDelta(block.index, text))

    def _end_search(self, identifier: str, result: Raw | None, out: list[Event]) -> None:
        index, raw = self._searches.pop(identifier)
        use = server_use_of(raw)
        out.append(BlockEnd(index, hosted=search_call(use, raw, result) if use is not None else None))


def stream_decoder(names: Mapping[str, str]) -> MessagesStreamDecoder:
    return MessagesStreamDecoder(names)


def _whole(block: _Open) -> bytes:
    """A block as it would stand in a whole answer: its start with what the deltas brought."""
    given = "".join(block.pieces)
    if not given and not block.text:
        return bytes(block.raw)
    fields = _fields.decode(block.raw)
    if given:
        try:
            msgspec.json.decode(given)
            fields["input"] = Raw(given)
        except DecodeError:
            fields["input"] = Raw(_dumps({"_raw": given}))
    if block.text:
        fields["content"] = Raw(_dumps(block.text))
    return _dumps(fields)
