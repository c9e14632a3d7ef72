"""What the stream decoders of all wires do alike: an upstream's server-sent events in, hub events out.

Invariants:
1. ``MessageStart`` precedes everything, also where the upstream never said it.
2. The first terminal event, ``Finish`` or ``StreamError``, is the last; what the upstream sends after it is not read.
3. A last event that lacks its blank line counts if it is whole. Half an event does not: the cut itself is what to tell.
4. A body that ends before the answer has ended is told as the wire's ``_cut`` says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from daemon.errors import GatewayError, RemoteError
from daemon.inference.events import Event, MessageStart, StreamError
from daemon.inference.response import Usage
from daemon.wires.block_writer import BlockWriter
from daemon.wires.raw_json import is_json
from daemon.wires.sse import SseSplitter

DONE = b"[DONE]"
"""Chat Completions' last payload, which some compatible servers keep on every wire."""


class SseDecoder(ABC):
    """One answer. A wire adds what each event means, and sets ``_ended`` with its ``Finish``."""

    __slots__ = ("_begun", "_ended", "_sse", "_writer")

    def __init__(self) -> None:
        self._sse = SseSplitter()
        self._writer = BlockWriter()
        self._begun = self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The hub events of the upstream events that ``data`` completes."""
        if self._ended:
            return []
        try:
            payloads = self._sse.feed(data)
        except RemoteError as error:
            self._fail(error)
            payloads = []
        for payload in payloads:
            if not self._ended:
                self._event(payload)
        writer = self._writer
        events, writer.events = writer.events, []  # ``take``, less the call: most reads bring one event
        return events

    def close(self) -> list[Event]:
        """The upstream's body ended: what is left to say, at the latest now with a terminal event."""
        if self._ended:
            return []
        for payload in self._sse.close():
            if payload.strip() == DONE or is_json(payload):
                self._event(payload)
        if not self._ended:
            self._cut()
        return self._writer.take()

    @abstractmethod
    def _event(self, payload: bytes) -> None:
        """Write what the payload of one event means. Never called once the answer has ended."""

    @abstractmethod
    def _cut(self) -> None:
        """End an answer whose upstream just stopped."""

    def _begin(self, id: str = "", model: str = "", usage: Usage | None = None) -> None:
        if not self._begun:
            self._begun = True
            self._writer.events.append(MessageStart(id, model, usage))

    def _fail(self, error: GatewayError) -> None:
        self._begin()
        self._ended = True
        self._writer.events.append(StreamError(error))
