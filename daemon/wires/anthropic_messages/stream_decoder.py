"""The event stream of a Messages upstream to hub events.

Invariants: those of ``inference.events`` and ``sse_decoder``, whatever the upstream sends. Unknown
events, deltas and fields are ignored; unknown blocks become ``Opaque``. Only ``message_stop`` is a
good end: a body that ends before it is a failure, also after ``message_delta``. So is an answer without
``message_start``, which no client can read (9router#1778).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

import msgspec
from msgspec import Raw, Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Opaque
from daemon.inference.events import OBJECT, BlockDelta, BlockEnd, BlockKind, Cited, Finish
from daemon.wires.anthropic_messages.decode_answer import (
    explanation_of,
    finish_reason,
    input_text,
    service_tier_of,
    usage_of,
)
from daemon.wires.anthropic_messages.decode_blocks import citation_of, citations_of, is_set
from daemon.wires.anthropic_messages.errors import error_event, remote_error
from daemon.wires.anthropic_messages.schema import WIRE_NAME, Delta, StreamEvent, UsageBody
from daemon.wires.anthropic_messages.searches import result_id_of, search_call, server_use_of
from daemon.wires.call_arguments import NO_ARGUMENTS, ArgumentStart, stand_in
from daemon.wires.json import NOT_JSON, LenientDecoder, check_utf8, fields_of
from daemon.wires.sse_decoder import SseDecoder
from daemon.wires.tools import InputReader, called_tool

_stream_event = LenientDecoder(StreamEvent)
_BEHIND_START = frozenset(
    {"content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
)
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


_block_start = LenientDecoder(_BlockStartBody)

_Kind = Literal["text", "reasoning", "tool_call", "hosted", "opaque"]
"""Those of the hub's kinds that blocks of this API become. A custom tool's call is a ``tool_call`` here."""

_KINDS: Mapping[str, _Kind] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "tool_call",
}


class _Open(Struct):
    """A content block of the upstream that has not ended. ``index`` is the hub's number of it."""

    index: int
    kind: _Kind
    raw: Raw
    start: _BlockStartBody
    signature: bytearray
    """Of thinking: it comes in deltas behind the text, and the hub wants it with the block's end."""
    input: bytearray
    text: bytearray
    """The input, and the content, of a block that the hub wants whole (``hosted``, ``opaque``)."""
    kept: int
    """Bytes that all this is counted with."""
    begins: ArgumentStart | None = None
    """Of a call: where its input begins. Some servers send it whole with the start instead of in deltas."""
    reader: InputReader | None = None
    """Unwraps the input of a custom tool's call."""


class MessagesStreamDecoder(SseDecoder):
    """One answer. ``names`` maps shortened tool names back to the client's."""

    __slots__ = ("_blocks", "_called", "_names", "_searches", "_stop", "_usage")

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names
        self._called = False  # decides what an unknown ``stop_reason`` means
        self._blocks: dict[int, _Open] = {}  # by the upstream's index, which some servers use again
        # Searches that the upstream runs: id -> (hub index, the server_tool_use block). The API shows a search as two
        # blocks, of which the second may come after others; the hub has one, which ends with the second.
        self._searches: dict[str, tuple[int, bytes]] = {}
        # What ``message_delta`` said. The end waits for ``message_stop``: ``message_delta`` may come more than once,
        # and a stream that breaks between the two is a cut one.
        self._stop = Delta()
        # Counts come in ``message_start`` and again, only in part, in each ``message_delta``.
        self._usage = UsageBody()

    def _event(self, payload: bytes) -> None:
        try:
            event = _stream_event.strict(payload)
        except msgspec.ValidationError:
            event = _stream_event.odd(payload)
        self.heard += 1
        if not self._begun and event.type in _BEHIND_START:
            raise RemoteError(ErrorKind.API, "the upstream's stream has no message_start")
        match event.type:
            case "content_block_delta":
                self._delta(event)
            case "content_block_start":
                self._start_block(event)
            case "content_block_stop":
                self._stop_block(event.index if event.index in self._blocks else self._place(event.index))
            case "message_start":
                self._message_start(event)
            case "message_delta":
                self._message_delta(event)
            case "message_stop":
                self._finish()
            case "error":
                self._fail(remote_error(msgspec.json.decode(payload)))
            case "ping":
                self.heard -= 1
            case _:  # a relay's own error, or what is yet to come
                self.heard -= 1
                failure = error_event(payload)
                if failure is not None:
                    self._fail(failure)
                else:
                    self.skipped += 1

    # The message ------------------------------------------------------------------------------

    def _message_start(self, event: StreamEvent) -> None:
        if self._begun:
            return
        message = event.message
        if message is msgspec.UNSET:
            self._begin()
            return
        self._merge(message.usage)
        self._begin(message.id, message.model, usage_of(message.usage))

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

    def _finish(self) -> None:
        self._begin()
        for wire_index in tuple(self._blocks):
            self._stop_block(wire_index)
        for identifier in tuple(self._searches):
            self._end_search(identifier, None)
        stop, writer = self._stop, self._writer
        explanation = explanation_of(stop.stop_reason, stop.stop_details)
        if explanation and not writer.started:
            index = writer.start("refusal")
            writer.delta(index, explanation)
            writer.end(index)
        reason = finish_reason(stop.stop_reason, called=self._called)
        writer.events.append(Finish(reason, usage_of(self._usage), stop.stop_sequence, service_tier_of(self._usage)))
        self._ended = True

    def _cut(self) -> None:
        self._fail(RemoteError(ErrorKind.API, "the upstream's stream ended before message_stop", reason="cut"))

    # Its blocks -------------------------------------------------------------------------------

    def _start_block(self, event: StreamEvent) -> None:
        self._begin()
        self._stop_block(event.index)  # an upstream that reuses an index without a stop
        raw = Raw(bytes(event.content_block))  # without the rest of its event
        check_utf8(bytes(raw))
        if (identifier := result_id_of(raw)) in self._searches and identifier is not None:
            self._end_search(identifier, raw)
            return
        start = _block_start.decode(raw) if raw else _BlockStartBody()
        kind = _KINDS.get(start.type, "opaque")
        if kind == "tool_call" and not start.name:
            return  # a call that nobody can name cannot be made
        if kind == "opaque" and server_use_of(raw) is not None:
            kind = "hosted"
        block = self._blocks[event.index] = self._open(kind, raw, start)
        self._writer.kept += block.kept
        if start.text or start.thinking:
            self._writer.delta(block.index, start.text or start.thinking)
        self._writer.events += [Cited(block.index, citation) for citation in citations_of(start.citations)]

    def _open(self, kind: _Kind, raw: Raw, start: _BlockStartBody) -> _Open:
        signature, kept = bytearray((start.signature or "").encode()), 4 * OBJECT + 2 * len(bytes(raw))
        if kind != "tool_call":
            index = self._writer.start(kind)
            return _Open(index, kind, raw, start, signature, bytearray(), bytearray(), kept)
        self._called = True
        tool = called_tool(self._names, start.name or "")
        sent: BlockKind = "custom_tool_call" if tool.custom else "tool_call"
        index = self._writer.start(sent, id=start.id or "", name=tool.name, namespace=tool.namespace)
        reader = InputReader() if tool.custom else None
        begins = ArgumentStart()
        return _Open(index, kind, raw, start, signature, bytearray(), bytearray(), kept, begins=begins, reader=reader)

    def _delta(self, event: StreamEvent) -> None:
        block = self._blocks.get(event.index) or self._blocks.get(self._place(event.index))
        delta = event.delta
        if block is None or delta is msgspec.UNSET:
            return
        text = delta.text or delta.thinking or delta.partial_json
        match block.kind, delta.type:
            case ("text", "text_delta") | ("reasoning", "thinking_delta"):
                if text:
                    self._writer.events.append(BlockDelta(block.index, text))
            case "tool_call", "input_json_delta":
                if text and block.begins is not None and not block.begins.flowing:
                    text = block.begins.add(text)
                if text:
                    self._input(block, text)
            case "reasoning", "signature_delta":
                self._keep(block, block.signature, delta.signature)
            case "text", "citations_delta":
                if is_set(delta.citation):
                    self._writer.events.append(Cited(block.index, citation_of(delta.citation)))
            case (("hosted" | "opaque"), _):
                self._keep(block, block.input, text)
                self._keep(block, block.text, delta.content or "")
            case _:
                pass  # no delta of this kind of block: relays that mix them up are not worth an error

    def _place(self, index: int) -> int:
        """Which block is meant by an index of none. Where an event has no index, or not a number, it is about the
        newest block; what follows a start without one is about that block."""
        if index >= 0:
            return -1
        return next(reversed(self._blocks), index)

    def _stop_block(self, wire_index: int) -> None:
        block = self._blocks.pop(wire_index, None)
        if block is None:
            return
        self._writer.kept -= block.kept
        index, start, events = block.index, block.start, self._writer.events
        match block.kind:
            case "reasoning" if start.type == "redacted_thinking":
                events.append(BlockEnd(index, signature=start.data or None, redacted=True))
            case "reasoning":
                events.append(BlockEnd(index, signature=block.signature.decode() or None))
            case "hosted":
                # Its result is the next block, or a later one; ``_finish`` ends a search that has none.
                self._searches[start.id or ""] = (index, _whole(block))
                self._writer.kept += block.kept
            case "opaque":
                events.append(BlockEnd(index, opaque=Opaque(WIRE_NAME, Raw(_whole(block)))))
            case "tool_call":
                self._end_call(block)
            case "text":
                events.append(BlockEnd(index))
            case _:
                assert_never(block.kind)

    def _end_call(self, block: _Open) -> None:
        begins = block.begins or ArgumentStart()
        if not begins.flowing:
            written = bytes(block.start.input).decode()  # input that came whole, with the start
            whole = input_text(written) if block.reader is None else stand_in(written)
            rest = begins.rest() if whole in ("", NO_ARGUMENTS) else whole
            if rest and (rest != NO_ARGUMENTS or block.reader is None):
                self._input(block, rest)
        if block.reader is not None and (rest := block.reader.close()):
            self._writer.delta(block.index, rest)
        self._writer.end(block.index)

    def _input(self, block: _Open, text: str) -> None:
        if block.reader is not None:
            held = len(block.reader.held)
            text = block.reader.feed(text)
            block.kept += len(block.reader.held) - held
            self._writer.kept += len(block.reader.held) - held
        if text:
            self._writer.events.append(BlockDelta(block.index, text))

    def _keep(self, block: _Open, kept: bytearray, text: str) -> None:
        written = text.encode()
        kept += written
        block.kept += len(written)
        self._writer.kept += len(written)

    def _end_search(self, identifier: str, result: Raw | None) -> None:
        index, raw = self._searches.pop(identifier)
        use = server_use_of(raw)
        hosted = search_call(use, raw, result) if use is not None else None
        self._writer.events.append(BlockEnd(index, hosted=hosted))


def _whole(block: _Open) -> bytes:
    """A block as it would stand in a whole answer: its start with what the deltas brought."""
    whole_input = block.input.decode()
    if not whole_input and not block.text:
        return bytes(block.raw)
    fields = fields_of(block.raw) if block.raw else {}
    if whole_input:
        try:
            msgspec.json.decode(whole_input)
            fields["input"] = Raw(whole_input)
        except NOT_JSON:
            fields["input"] = Raw(_dumps({"_raw": whole_input}))
    if block.text:
        fields["content"] = Raw(_dumps(block.text.decode()))
    return _dumps(fields)
