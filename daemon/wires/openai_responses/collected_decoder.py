"""The decoder for an answer that nobody watches grow: a client that did not ask for a stream.

Upstreams are always asked for a stream, and say every text three times: piece by piece, in the
``*.done`` events and in ``response.completed``. The pieces, nine tenths of the events, are laid
aside unread, and read after all only when the rest of the stream did not repeat the text.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.wires.openai_responses.output_items import type_of
from daemon.wires.openai_responses.schema import ResponseObject
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.sse import SseSplitter

PIECES = b"event: response.output_text.delta\n"


class ResponsesCollectedDecoder(ResponsesStreamDecoder):
    """As its base, but text comes late and whole."""

    __slots__ = ()

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__(tool_names)
        self._sse = SseSplitter(unread=PIECES)

    def _end(self, response: ResponseObject, status: str) -> None:
        pieces = self._sse.unread
        if pieces and not self._items.has_text and not any(type_of(item) == "message" for item in response.output or ()):
            for payload in SseSplitter().feed(b"\n\n".join([*pieces, b""])):
                self._event(payload)
        super()._end(response, status)
