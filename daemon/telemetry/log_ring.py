"""The newest log records, kept in memory for ``tppcd logs``: no file has to be read."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import Final

from msgspec import Struct

from daemon.telemetry.log_lines import Record

CAPACITY: Final = 2000
SEVERITIES: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""Name of a level -> loguru's number."""
STATUS_PATTERN: Final = "^[1-5]([0-9]{2}|[xX]{2})$"
"""An HTTP status, or a class of them: ``429``, ``4xx``."""


def is_status(text: str) -> bool:
    """Whether ``text`` is what ``LogFilter.statuses`` holds, in upper or lower case."""
    return re.fullmatch(STATUS_PATTERN, text) is not None


class NumberedRecord(Struct, frozen=True, gc=False):
    """``id`` rises by one per record of this process."""

    id: int
    severity: int
    record: Record


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which records: later than ``after``, at least ``severity``, with one of these ``statuses`` (``429``, ``4xx``;
    none = any) and with these ``fields``, whose case does not matter."""

    after: int = 0
    severity: int = 0
    statuses: frozenset[str] = frozenset()
    fields: Mapping[str, str] = {}

    def takes(self, record: NumberedRecord) -> bool:
        if record.id <= self.after or record.severity < self.severity:
            return False
        extra = record.record["extra"]
        if not isinstance(extra, Mapping):
            return False
        if self.statuses:
            status = str(extra.get("status"))
            if status not in self.statuses and f"{status[0]}xx" not in self.statuses:
                return False
        return all(str(extra.get(name)).lower() == value.lower() for name, value in self.fields.items())


class LogRing:
    """``put`` is called on any thread that logs."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._ring: deque[NumberedRecord] = deque(maxlen=capacity)
        self._lock = Lock()
        self.last = 0

    def put(self, record: Record, severity: int) -> None:
        with self._lock:  # two threads must not take one number: a follower would miss the second record
            last = self.last + 1
            self._ring.append(NumberedRecord(last, severity, record))
            self.last = last

    def select(self, filter: LogFilter, most: int) -> tuple[NumberedRecord, ...]:
        """The newest ``most`` records that ``filter`` takes, oldest first."""
        newest = (each for each in reversed(tuple(self._ring)) if filter.takes(each))
        return tuple(reversed([each for _, each in zip(range(most), newest, strict=False)]))
