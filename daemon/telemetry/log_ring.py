"""The newest log records, kept in memory for ``tppcd logs``: no file has to be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from daemon.telemetry.log_lines import Record

CAPACITY: Final = 2000
SEVERITIES: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""Name of a level -> loguru's number."""


class NumberedRecord(Struct, frozen=True, gc=False):
    """``id`` rises by one per record of this process."""

    id: int
    severity: int
    record: Record


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which records: later than ``after``, at least ``severity``, with these fields."""

    after: int = 0
    severity: int = 0
    fields: Mapping[str, str] = {}

    def takes(self, record: NumberedRecord) -> bool:
        if record.id <= self.after or record.severity < self.severity:
            return False
        extra = record.record["extra"]
        return isinstance(extra, Mapping) and all(str(extra.get(name)) == value for name, value in self.fields.items())


class LogRing:
    """``put`` is called on the thread that logs, one call at a time."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._ring: deque[NumberedRecord] = deque(maxlen=capacity)
        self.last = 0

    def put(self, record: Record, severity: int) -> None:
        self.last += 1
        self._ring.append(NumberedRecord(self.last, severity, record))

    def select(self, filter: LogFilter, most: int) -> tuple[NumberedRecord, ...]:
        """The newest ``most`` records that ``filter`` takes, oldest first."""
        newest = (each for each in reversed(tuple(self._ring)) if filter.takes(each))
        return tuple(reversed([each for _, each in zip(range(most), newest, strict=False)]))
