"""What the stream decoders of all wires do alike: an upstream's server-sent events in, hub events out.
``BlockWriter`` is where they and their parts write those.

Invariants:
1. ``MessageStart`` precedes everything, also where the upstream never said it.
2. The first terminal event, ``Finish`` or ``StreamError``, is the last; what the upstream sends after it is not read.
3. An event that cannot be read (no JSON, no object, none of the wire's) is skipped and counted: heartbeats of relays
   are often such (``data: ping``; wave-agent#1326, cadis#362, copilot-api#88), and the real clients go on after them
   too.
4. A last event that lacks its blank line counts if it is whole. Half an event does not: the cut is what to report.
5. A body that ends before the answer has ended is reported as the wire's ``_cut`` says.
6. What is kept of the answer for later is counted (``kept``), and an answer of more than ``MOST_BLOCKS`` parts is the
   upstream's failure: each takes room, here and where it is written, however small it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

import msgspec

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.events import BlockDelta, BlockEnd, BlockKind, BlockStart, Event, MessageStart, StreamError
from daemon.inference.response import Usage
from daemon.wires.base import Ending
from daemon.wires.failures.remote_errors import error_event
from daemon.wires.json import NOT_JSON, is_json, with_utf8
from daemon.wires.sse import SseSplitter

MOST_BLOCKS: Final = 1024
"""Blocks of one answer, calls, items, or parts of one. Real answers have a few dozen; a stream is looked over for its
open calls at each new one."""

DONE = b"[DONE]"
"""Chat Completions' last payload, which some compatible servers keep on every wire."""


def is_done(payload: bytes) -> bool:
    """Whether it is that payload: also among spaces, in quotes or in small letters."""
    return payload.strip(b' \t\r\n"').upper() == DONE


class SseDecoder(ABC):
    """One answer. A wire adds what each event means, and sets ``_ended`` with its ``Finish``. ``skipped`` counts
    the events that could not be read, ``heard`` those that go on with the answer, ``kept`` the bytes that are needed
    later."""

    __slots__ = ("_begun", "_ended", "_sse", "_writer", "ending", "heard", "kept", "skipped")

    def __init__(self) -> None:
        self._sse = SseSplitter()
        self._writer = BlockWriter()
        # ``_begun``: ``MessageStart`` has been written. Relays leave out the opening event, or send it again.
        # ``_ended``: a terminal event has been written. Upstreams go on behind it: with ``[DONE]``, with usage, with an
        # error of the relay after the answer was whole.
        self._begun = self._ended = False
        self.heard = self.skipped = self.kept = 0
        self.ending: Ending = ""

    def feed(self, data: bytes) -> list[Event]:
        """The hub events of the upstream events that ``data`` completes."""
        if self._ended:
            return []
        try:
            payloads = self._sse.feed(data)
        except RemoteError as error:
            self._fail(error)
            payloads = []
        for payload in payloads:  # ``_read``, less the call
            if not self._ended:
                try:
                    self._event(payload)
                except NOT_JSON:
                    self._odd(payload)
                except RemoteError as error:
                    self._fail(error)
        writer = self._writer
        self.kept = writer.kept + len(self._sse.tail)
        events, writer.events = writer.events, []  # ``take``, less the call: most reads bring one event
        return events

    def event(self, payload: bytes) -> list[Event]:
        """The hub events of one upstream event, of which somebody else has split off the payload."""
        if self._ended:
            return []
        self._read((payload,))
        self.kept = self._writer.kept
        return self._writer.take()

    def close(self) -> list[Event]:
        """The upstream's body ended: what is left to say, at the latest now with a terminal event."""
        if self._ended:
            return []
        self._read([payload for payload in self._sse.close() if is_done(payload) or is_json(payload)])
        if not self._ended:
            self._cut()
        return self._writer.take()

    def _read(self, payloads: Iterable[bytes]) -> None:
        for payload in payloads:
            if not self._ended:
                try:
                    self._event(payload)
                except NOT_JSON:
                    self._odd(payload)
                except RemoteError as error:
                    self._fail(error)

    def _odd(self, payload: bytes) -> None:
        """What could not be read as it came. Characters that are no UTF-8 (some servers cut them in two) are replaced,
        as browsers and Node do, and the rest is content."""
        if is_done(payload):
            self._done()
            return
        try:
            if payload.isascii():
                raise msgspec.DecodeError
            self._event(with_utf8(payload))
        except RemoteError as error:
            self._fail(error)
        except NOT_JSON:
            failure = error_event(payload) if payload.startswith(b"[{") else None  # Gemini's are lists of one
            if failure is not None:
                self._fail(failure)
            else:
                self.skipped += 1

    @abstractmethod
    def _event(self, payload: bytes) -> None:
        """Write what the payload of one event means. Never called once the answer has ended. Raises what
        ``NOT_JSON`` lists for one that cannot be read, ``RemoteError`` where the answer cannot go on."""

    def _done(self) -> None:  # noqa: B027 - most wires have nothing to do
        """``[DONE]``, which means nothing but on the wire that has it."""

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


def too_many() -> RemoteError:
    """One part more than ``MOST_BLOCKS``."""
    message = f"the upstream's answer has more than {MOST_BLOCKS} parts"
    return RemoteError(ErrorKind.API, message, reason="answer_too_large")


# --- where the decoders write --------------------------------------------------------------------


class BlockWriter:
    """Numbers the blocks of one answer and collects its events until they are taken. ``kept``: bytes that those who
    write to it keep for later, as they count them."""

    __slots__ = ("_next", "events", "kept")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.kept = 0
        self._next = 0

    @property
    def started(self) -> int:
        """How many blocks have been started."""
        return self._next

    def start(
        self,
        kind: BlockKind,
        *,
        id: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        item_id: str | None = None,
    ) -> int:
        """Opens a block; its number is what the other methods want. Raises ``RemoteError`` for one too many."""
        index = self._next
        if index >= MOST_BLOCKS:
            raise too_many()
        self._next = index + 1
        self.events.append(BlockStart(index, kind, id, name, namespace, item_id))
        return index

    def delta(self, index: int, text: str) -> None:
        """A piece of the block's content."""
        self.events.append(BlockDelta(index, text))

    def end(self, index: int, signature: str | None = None, *, redacted: bool = False) -> None:
        """Closes a block that has nothing more to say."""
        self.events.append(BlockEnd(index, signature, redacted))

    def take(self) -> list[Event]:
        """What was written since the last time."""
        events, self.events = self.events, []
        return events
