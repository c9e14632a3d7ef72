"""The audit log on disk: one JSON object per line, appended, mode 0600, turned over by size.

    AuditLog.publish ─▶ AuditFile ─queue─▶ thread: encode, mask, write to audit.jsonl

The directory is the daemon's own (the state directory). Publishing never waits for the disk; a queue
that overflows is told in the file itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from daemon.telemetry.audit import AuditEvent
from daemon.telemetry.log_lines import Record
from daemon.telemetry.log_outputs import FileOutput
from daemon.telemetry.log_sink import Writer

FILE_NAME: Final = "audit.jsonl"
ROTATION: Final = 10 * 1000 * 1000
KEEP_FILES: Final = 10
CAPACITY: Final = 100_000
_INFO: Final = 20


class AuditFile:
    """An event sink. ``mask`` hides secrets that should have been redacted before; OSError where the
    file cannot be opened."""

    def __init__(self, path: Path, mask: Callable[[str], str], *, rotation: int = ROTATION) -> None:
        output = FileOutput(path, rotation=rotation, keep_files=KEEP_FILES, keep_seconds=None)
        self._writer = Writer(output, _line, mask, capacity=CAPACITY)

    def __call__(self, event: AuditEvent) -> None:
        """Queues the event."""
        self._writer.put({"event": event}, _INFO)

    def close(self, timeout: float = 2.0) -> None:
        """Writes what is queued, for ``timeout`` seconds at most."""
        self._writer.close(timeout)


def open_audit_file(directory: Path, mask: Callable[[str], str]) -> AuditFile | None:
    """The audit file of a state directory; None, with a warning, where it cannot be written."""
    try:
        return AuditFile(directory / FILE_NAME, mask)
    except OSError as error:
        logger.warning("audit events are not kept: {} cannot be written: {}", directory / FILE_NAME, error.strerror)
        return None


def _line(record: Record) -> str:
    event = record.get("event")
    if not isinstance(event, AuditEvent):  # the writer's own notice that lines were lost
        fields = record.get("extra")
        event = AuditEvent(0, float(str(record["at"])), "dropped", str(record["message"]), dict(_mapping(fields)))
    return msgspec.json.encode(event, enc_hook=str).decode() + "\n"


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
