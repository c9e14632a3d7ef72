"""The decoder for an answer that nobody watches grow: a client that did not ask for a stream.

Upstreams are always asked for a stream, and say everything up to four times: piece by piece, as a
whole part, with its item in ``output_item.done`` and in ``response.completed``.

1. The bytes are held until ``response.completed`` has arrived; where that has the whole output, it is
   the answer, and nothing before it is read.
2. Where it has not, or the stream ends otherwise, or is not written as OpenAI writes it, what was held
   is read event by event, without the pieces.
3. The pieces themselves are read after all when neither an item nor the end brought anything.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.events import Event
from daemon.wires.mistakes import mistake
from daemon.wires.openai_responses.schema import ResponseEvent, ResponseObject
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.sse import SseSplitter

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

_LINE = b"\nevent: "
_COMPLETED = _LINE + b"response.completed\ndata: "
_OTHER_ENDS = tuple(_LINE + name for name in (b"response.incomplete\n", b"response.failed\n", b"error\n"))
_HELD_LIMIT = 16 * 1024 * 1024
"""Bytes of one answer that are held; of a larger one the events are read as they come."""

_response = msgspec.json.Decoder(ResponseEvent).decode


class ResponsesCollectedDecoder(ResponsesStreamDecoder):
    """As its base, but everything comes late and whole."""

    __slots__ = ("_held", "_holding")

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__(tool_names)
        self._sse = SseSplitter(unread=_PIECES)
        self._held = bytearray()
        self._holding = True

    def feed(self, data: bytes) -> list[Event]:
        if not self._holding:
            return super().feed(data)
        held = self._held
        held += data
        last = held.rfind(_LINE)  # from behind: what ends the answer is its last event, and most bytes are before it
        if held.startswith(_COMPLETED, last):
            end = held.find(b"\n\n", last + len(_COMPLETED))
            return [] if end < 0 else self._whole_answer(bytes(held[last + len(_COMPLETED) : end])) or self._read_held()
        if held.startswith(_OTHER_ENDS, last) or not self._is_usual(data):
            return self._read_held()
        return []

    def close(self) -> list[Event]:
        return [*self._read_held(), *super().close()] if self._holding else super().close()

    def _is_usual(self, data: bytes) -> bool:
        held = self._held
        return held.startswith(_LINE[1:][: len(held)]) and b"\r" not in data and len(held) <= _HELD_LIMIT

    def _whole_answer(self, payload: bytes) -> list[Event]:
        """The events of what ``response.completed`` holds; none where it does not hold all."""
        try:
            response = _response(payload).response
        except (ValueError, RecursionError):
            return []
        if response is None or not response.output or b'"content":[]' in payload.replace(b" ", b""):
            return []
        self._holding = False
        self._held.clear()
        try:
            return self.whole(response)
        except (ValueError, RecursionError) as error:
            self._fail(
                RemoteError(ErrorKind.API, f"the upstream sent a misshapen response.completed event: {mistake(error)}")
            )
            return self._writer.take()

    def _read_held(self) -> list[Event]:
        self._holding = False
        data = bytes(self._held)
        self._held.clear()
        return super().feed(data)

    def _end(self, response: ResponseObject, status: str) -> None:
        pieces = self._sse.unread
        if pieces and not response.output and not self._items.any_done:
            for payload in SseSplitter().feed(b"\n\n".join([*pieces, b""])):
                if not self._ended:
                    self._event(payload)
        if not self._ended:
            super()._end(response, status)
