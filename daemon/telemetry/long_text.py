"""Long text, cut: what a record of the log or an event of the audit log holds at most.

Both keep their newest records in memory by number, and write each of them to disk. Values come from clients and
upstreams, so that the number alone bounds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.telemetry.log_lines import Record

MOST_MESSAGE: Final = 8192
MOST_VALUE: Final = 2048
MOST_REASON: Final = 500
"""Characters."""


def shortened(text: str, most: int) -> str:
    """``text``, or its beginning and how much is left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} characters left out)"


def shortened_values(fields: Mapping[str, object]) -> Mapping[str, object]:
    """The same fields, where none of them is long, else a copy with short texts."""
    for value in fields.values():
        if type(value) is str and len(value) > MOST_VALUE:
            return {
                name: shortened(each, MOST_VALUE) if isinstance(each, str) else each for name, each in fields.items()
            }
    return fields


def shortened_record(record: Record) -> Record:
    """The same record, where nothing in it is long; most are."""
    message, extra, lines = record["message"], record["extra"], record.get("traceback")
    changes: dict[str, object] = {}
    if type(message) is str and len(message) > MOST_MESSAGE:
        changes["message"] = shortened(message, MOST_MESSAGE)
    if isinstance(extra, dict) and (short := shortened_values(extra)) is not extra:
        changes["extra"] = short
    if lines and isinstance(lines, list) and max(map(len, lines)) > MOST_VALUE:
        changes["traceback"] = [shortened(line, MOST_VALUE) for line in lines]
    return {**record, **changes} if changes else record
