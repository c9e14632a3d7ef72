"""The decoder for an answer that nobody watches grow: a client that did not ask for a stream.

Upstreams are always asked for a stream, and say everything up to four times: piece by piece, as a
whole part, with its item in ``output_item.done`` and in ``response.completed``. What comes before
the items, nine tenths of the events, is laid aside unread, and read after all only when neither an
item nor the end brought anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.wires.openai_responses.schema import ResponseObject
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.sse import SseSplitter

PIECES = frozenset(
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


class ResponsesCollectedDecoder(ResponsesStreamDecoder):
    """As its base, but everything comes late and whole."""

    __slots__ = ()

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__(tool_names)
        self._sse = SseSplitter(unread=PIECES)

    def _end(self, response: ResponseObject, status: str) -> None:
        pieces = self._sse.unread
        if pieces and not response.output and not self._items.any_done:
            for payload in SseSplitter().feed(b"\n\n".join([*pieces, b""])):
                self._event(payload)
        super()._end(response, status)
