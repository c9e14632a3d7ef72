"""The decoder for an answer whose client did not ask for a stream.

Upstreams are always asked for a stream, and say everything up to four times: piece by piece, as a
whole part, with its item in ``output_item.done`` and in ``response.completed``.

1. The bytes are held until ``response.completed`` has arrived; where that has the whole output, it is
   the answer, and nothing before it is read.
2. Where it has not, or the stream ends otherwise, or is not written as OpenAI writes it, what was held
   is read event by event, without the pieces.
3. Everything is read in its order, the pieces as well, when an item that had pieces ends without content, or none
   ends (some relays write empty ``*.done`` events; CliRelay#1053).
4. Of an answer that is larger than what is held, everything is read as it comes, and nothing is laid aside.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.inference.events import Event
from daemon.wires.json import NOT_JSON, LenientDecoder
from daemon.wires.openai_responses.item_table import ItemTable
from daemon.wires.openai_responses.schema import ResponseEvent, ResponseObject
from daemon.wires.openai_responses.stream_decoder import NO_TEXT, ResponsesStreamDecoder
from daemon.wires.sse import SseSplitter
from daemon.wires.sse_decoder import BlockWriter

_PIECES = frozenset(
    b"event: response.%b" % name
    for name in (
        b"in_progress",
        b"content_part.added",
        b"content_part.done",
        b"output_text.delta",
        b"output_text.done",
        b"refusal.delta",
        b"refusal.done",
        b"function_call_arguments.delta",
        b"function_call_arguments.done",
        b"custom_tool_call_input.delta",
        b"custom_tool_call_input.done",
        b"reasoning_summary_part.added",
        b"reasoning_summary_part.done",
        b"reasoning_summary_text.delta",
        b"reasoning_summary_text.done",
        b"reasoning_text.delta",
        b"reasoning_text.done",
    )
)
"""How the events begin that say what a later one says again."""

_DELTAS = {
    "message": (b"event: response.output_text.delta", b"event: response.refusal.delta"),
    "reasoning": (b"event: response.reasoning_summary_text.delta", b"event: response.reasoning_text.delta"),
    "call": (b"event: response.function_call_arguments.delta", b"event: response.custom_tool_call_input.delta"),
}
"""Kind of an item to the pieces that bring its content."""

_EVENT = b"event: "
_LINE = b"\n" + _EVENT
_ANY = b"event: response."
_COMPLETED = _LINE + b"response.completed\ndata: "
_OTHER_ENDS = tuple(_LINE + name for name in (b"response.incomplete\n", b"response.failed\n", b"error\n"))
_HELD_LIMIT = 16 * 1024 * 1024
"""Bytes of one answer that are held; of a larger one the events are read as they come."""

_response = LenientDecoder(ResponseEvent).decode


class ResponsesCollectedDecoder(ResponsesStreamDecoder):
    """As its base, but everything comes late and whole."""

    __slots__ = ("_held", "_holding", "_names")

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__(tool_names)
        self._names = tool_names  # for ``_start_again``
        self._sse = SseSplitter(unread=_PIECES)
        # The answer's bytes. They are needed twice where ``completed`` does not hold all: once without the pieces, and
        # once more with them if an item turns out to have come in pieces alone. So they are held until the answer ends.
        self._held = bytearray()
        # Whether nothing has been read yet. It ends with the terminal event, with the limit (invariant 4), or with
        # bytes that are not written as OpenAI writes them: there the end cannot be found without reading.
        self._holding = True

    def feed(self, data: bytes) -> list[Event]:
        if not self._holding:
            return super().feed(data)
        self.heard += _ANY in data
        held = self._held
        held += data
        if len(held) > _HELD_LIMIT:
            return self._read_on()
        last = held.rfind(_LINE)  # from behind: what ends the answer is its last event, and most bytes are before it
        if not held.startswith(_COMPLETED, last) and _COMPLETED in data:
            last = held.rfind(_COMPLETED)  # a relay's own event behind it: ``event: done``
        if held.startswith(_COMPLETED, last):
            end = held.find(b"\n\n", last + len(_COMPLETED))
            if end < 0:
                return []
            return self._whole_answer(bytes(held[last + len(_COMPLETED) : end])) or self._read_held()
        if held.startswith(_OTHER_ENDS, last):
            return self._read_held()
        return [] if self._is_usual(data) else self._read_on()

    def close(self) -> list[Event]:
        return [*self._read_held(), *super().close()] if self._holding else super().close()

    def _is_usual(self, data: bytes) -> bool:
        return self._held.startswith(_EVENT[: len(self._held)]) and b"\r" not in data

    def _whole_answer(self, payload: bytes) -> list[Event]:
        """The events of what ``response.completed`` holds; none where it does not hold all."""
        try:
            response = _response(payload).response
            hollow = response is None or not response.output or b'"content":[]' in payload.replace(b" ", b"")
            events = [] if response is None or hollow else self.whole(response)
        except NOT_JSON:
            events = []
        empty = self._items.empty
        if not events or empty - {"reasoning"} or any(name in self._held for kind in empty for name in _DELTAS[kind]):
            self._start_again()
            return []
        self._holding = False
        self._held.clear()
        return events

    def _read_on(self) -> list[Event]:
        """All events that were held, and from now on each as it comes."""
        self._holding = False
        self._sse = SseSplitter()
        data, self._held = bytes(self._held), bytearray()
        return super().feed(data)

    def _read_held(self) -> list[Event]:
        """The events that were held, without the pieces. They stay held as long as these may be wanted."""
        self._holding = False
        events = super().feed(bytes(self._held))
        if self._ended:
            self._held.clear()
        return events

    def _end(self, response: ResponseObject, status: str) -> None:
        super()._end(response, status)
        if self._held and self._is_lacking():
            stream, self._held = bytes(self._held), bytearray()
            self._start_again()
            self._read(SseSplitter().feed(stream))
            if not self._ended:
                super()._end(response, status)

    def _is_lacking(self) -> bool:
        """Whether the pieces that were laid aside hold what no other event had."""
        brought = {piece[: piece.find(b"\n")] for piece in self._sse.unread}
        return any(name in brought for kind in self._items.empty for name in _DELTAS[kind])

    def _start_again(self) -> None:
        """Forget what was read of it."""
        self._writer = BlockWriter()
        self._items = ItemTable(self._writer, self._names)
        self._running = NO_TEXT
        self._begun = self._ended = False
        self.skipped = 0
