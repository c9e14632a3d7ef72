"""What happened to the daemon, as numbered events: reloads, change summaries, auth state changes.

One bounded ring holds the newest events. A subscriber is only a cursor into it, so publishing never
blocks and never queues; a subscriber that falls behind the ring gets the number of events it missed.
Everything runs on the event loop's thread. The publisher redacts the fields.

    publish ─┬─▶ ring ─▶ subscriptions (the API's event stream)
             └─▶ AuditFile ─queue─▶ thread: encode, mask, write to audit.jsonl in the state directory
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final
from weakref import WeakSet

import msgspec
from msgspec import Struct

from daemon.telemetry.log_lines import Record
from daemon.telemetry.log_outputs import FileOutput
from daemon.telemetry.log_sink import Writer
from daemon.telemetry.long_text import MOST_MESSAGE, shortened, shortened_values

CAPACITY: Final = 1000
DROPPED: Final = "dropped"
FILE_NAME: Final = "audit.jsonl"
ROTATION: Final = 10 * 1000 * 1000
KEEP_FILES: Final = 10
QUEUE_CAPACITY: Final = 100_000
_INFO: Final = 20


class AuditEvent(Struct, frozen=True):
    """``id`` rises by one, also over a restart by way of the clock; ``at`` is Unix seconds; ``kind`` is
    a short word (``reload``, ``auth``); ``message`` one line for people; ``fields`` plain JSON values."""

    id: int
    at: float
    kind: str
    message: str
    fields: Mapping[str, object]


class AuditLog:
    """Publish, look back, follow.

    ``capacity`` is how many events the ring holds. ``clock`` gives Unix seconds; the first id is its
    milliseconds at the start, so that a follower's last id stays meaningful over a restart. ``closed``
    becomes true with ``close``.
    """

    def __init__(self, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ring: deque[AuditEvent] = deque(maxlen=capacity)
        self._first = self._next = int(clock() * 1000)
        self._followers: WeakSet[asyncio.Event] = WeakSet()
        self._sinks: list[Callable[[AuditEvent], None]] = []
        self.closed = False

    def publish(self, kind: str, message: str, **fields: object) -> None:
        """Append an event and wake the followers; returns at once, whatever they do."""
        message, values = shortened(message, MOST_MESSAGE), shortened_values(fields)
        event = AuditEvent(self._next, self._clock(), kind, message, values)
        self._ring.append(event)
        self._next += 1
        for sink in self._sinks:
            sink(event)
        self._wake()

    def add_sink(self, sink: Callable[[AuditEvent], None]) -> None:
        """Every event from now on goes to ``sink`` too, also what the ring is too small for. It must not block."""
        self._sinks.append(sink)

    def recent(self, n: int) -> tuple[AuditEvent, ...]:
        """The newest ``n`` events of the ring, oldest first."""
        return tuple(islice(self._ring, max(0, len(self._ring) - n), None))

    def close(self) -> None:
        """End every subscription, after what has been published (the daemon is stopping)."""
        self.closed = True
        self._wake()

    def subscribe(self, after: int | None) -> Subscription:
        """Events from now on; with ``after``, first those of the ring whose id is greater.

        An ``after`` from before a restart of the daemon replays the whole ring. What the ring has
        lost meanwhile is reported by one event of kind ``dropped`` with ``fields["dropped"]``.
        """
        wake = asyncio.Event()
        self._followers.add(wake)
        return Subscription(self, self._start(after), wake)

    def at(self, cursor: int) -> AuditEvent | None:
        """The event with this id, or the notice that it and others are gone; None if it is yet to come."""
        if cursor >= self._next:
            return None
        oldest = self._ring[0].id
        if cursor >= oldest:
            return self._ring[cursor - oldest]
        lost = oldest - cursor
        # The notice carries the id before the next real one: a follower that resumes there loses nothing.
        return AuditEvent(oldest - 1, self._clock(), DROPPED, f"{lost} events were dropped", {"dropped": lost})

    def _start(self, after: int | None) -> int:
        if after is None:
            return self._next
        if after < self._first or after >= self._next:
            return self._ring[0].id if self._ring else self._next
        return after + 1

    def _wake(self) -> None:
        for follower in self._followers:
            follower.set()


class Subscription:
    """An async iterator over one ``AuditLog``. Giving up on an ``anext`` (a timeout) loses no event;
    dropping the object ends the subscription."""

    def __init__(self, log: AuditLog, cursor: int, wake: asyncio.Event) -> None:
        self._log = log
        self._cursor = cursor
        self._wake = wake

    def __aiter__(self) -> AsyncIterator[AuditEvent]:
        return self

    async def __anext__(self) -> AuditEvent:
        while (event := self._log.at(self._cursor)) is None:
            if self._log.closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        self._cursor = event.id + 1
        return event


class AuditFile:
    """The audit log on disk: one JSON object per line, appended, mode 0600, rotated by size.

    An event sink that never waits for the disk; where its queue overflows, a line of the file says so. ``mask`` hides
    secrets that should have been redacted before. Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path, mask: Callable[[str], str], *, rotation: int = ROTATION) -> None:
        output = FileOutput(path, rotation=rotation, keep_files=KEEP_FILES, links=False)
        self._writer = Writer(output, _line, mask, capacity=QUEUE_CAPACITY)

    def __call__(self, event: AuditEvent) -> None:
        """Queues the event."""
        self._writer.put({"event": event}, _INFO)

    def close(self, timeout: float = 2.0) -> None:
        """Writes what is queued, for ``timeout`` seconds at most."""
        self._writer.close(timeout)


def _line(record: Record) -> str:
    event = record.get("event")
    if not isinstance(event, AuditEvent):  # the writer's own notice that lines were lost
        fields = record.get("extra")
        event = AuditEvent(0, float(str(record["at"])), DROPPED, str(record["message"]), dict(_mapping(fields)))
    return msgspec.json.encode(event, enc_hook=str).decode() + "\n"


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
