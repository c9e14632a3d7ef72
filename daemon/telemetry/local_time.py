"""The one form of a moment in everything that people and their scripts read: log, ``events``, ``logs``, ``status``.

2026-11-21 10:00:00.123             a line of text: local time, so that it fits the clock on the wall
2026-11-21T10:00:00.123456+08:00    JSON: the same moment, with the offset of the local time
"""

from __future__ import annotations

import time
from datetime import datetime


def line_time(at: float) -> str:
    """``2026-11-21 10:00:00.123``: Unix seconds as local time."""
    return f"{line_second(int(at))}.{thousandths(at):03d}"


def line_second(second: int) -> str:
    """``2026-11-21 10:00:00``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def thousandths(at: float) -> int:
    """Whole milliseconds of the second; .123 of a text stays 123, though no float is just that."""
    return min(999, int(at % 1 * 1000 + 0.0005))


def iso_time(at: float) -> str:
    """``2026-11-21T10:00:00.123456+08:00``: Unix seconds as RFC 3339, in local time with its offset; ``Z`` for UTC."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="microseconds").replace("+00:00", "Z")


def as_line_time(iso: object) -> str:
    """A moment from a JSON answer, whatever its offset, as ``line_time`` shows it; what is none stays as it is."""
    try:
        return line_time(datetime.fromisoformat(str(iso)).timestamp())
    except (ValueError, OverflowError, OSError):
        return str(iso)
