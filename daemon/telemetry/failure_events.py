"""Failures as audit events, few of them however many there are: one per kind, core auth, class and minute.

The first of a minute is published at once; those that follow are counted, and the count is the next event's, at the
latest when the minute is over. An event holds names, IDs and a class, never what an upstream or a client said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from daemon.telemetry.audit import AuditLog

WINDOW: Final = 60.0
"""Seconds for which the failures after the first are counted only."""
TICK: Final = 5.0
"""Seconds between two looks for minutes that are over."""

FailureKind = Literal["attempt-failed", "credential-refused", "request-failed"]
Fields = Mapping[str, object]


@dataclass(slots=True)
class _Window:
    """``left_out``: failures since the event; ``message`` and ``fields`` are those of the latest."""

    until: float
    message: str
    fields: Fields
    left_out: int = 0


class FailureEvents:
    """``clock`` gives seconds that only rise. There are as many windows as core auths and classes that failed within
    a minute."""

    __slots__ = ("_audit", "_clock", "_windows")

    def __init__(self, audit: AuditLog, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._windows: dict[tuple[FailureKind, str, str], _Window] = {}

    def publish_failure(self, kind: FailureKind, message: str, *, auth: str, error: str, **fields: object) -> None:
        """``auth`` is the core auth's ID, empty where no upstream had been chosen; ``error`` is the class. ``fields``
        are the event's, beside these and ``count``, the number of failures that it stands for."""
        key, now = (kind, auth, error), self._clock()
        fields = {"auth": auth, "error": error, **fields}
        window = self._windows.get(key)
        if window is not None and now < window.until:
            window.left_out += 1
            window.message, window.fields = message, fields
            return
        count = 1 + (window.left_out if window is not None else 0)
        self._publish(kind, message, fields, count)
        self._windows[key] = _Window(now + WINDOW, message, fields)

    def publish_counts(self) -> None:
        """Publish the counts of the minutes that are over."""
        now = self._clock()
        for key, window in list(self._windows.items()):
            if now < window.until:
                continue
            if window.left_out:
                self._publish(key[0], window.message, window.fields, window.left_out)
                self._windows[key] = _Window(now + WINDOW, window.message, window.fields)
            else:
                del self._windows[key]

    def close(self) -> None:
        """Publish every count: the daemon stops."""
        for key, window in self._windows.items():
            if window.left_out:
                self._publish(key[0], window.message, window.fields, window.left_out)
        self._windows.clear()

    async def run(self) -> None:
        """For ever: what is due, each tick."""
        while True:
            await asyncio.sleep(TICK)
            self.publish_counts()

    def _publish(self, kind: FailureKind, message: str, fields: Fields, count: int) -> None:
        times = f" ({count} times)" if count > 1 else ""
        self._audit.publish(kind, f"{message}{times}", **fields, count=count)
