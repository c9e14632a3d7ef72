"""The sink that never makes its caller wait: a bounded queue and one writing thread per output.

1. ``write`` appends to a queue and returns. Rendering, masking and the system call happen on the
   output's own thread; a stuck terminal, pipe or journal holds up that thread and nothing else.
2. A full queue drops and counts. Warnings and errors have room of their own, so a flood of INFO does
   not take away the line that explains it.
3. What was dropped is counted exactly, and reported in one line as soon as the output moves again: every line is
   either written or counted.

Lines are written in batches, at most ``COALESCE`` seconds after they were logged: waking a thread
for each line would cost the event loop more than the line.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from daemon.telemetry.log_lines import Record, Render
from daemon.telemetry.log_outputs import PartlyWritten
from daemon.telemetry.log_ring import LogRing
from daemon.telemetry.long_text import shortened_record

CAPACITY = 10_000
RESERVE = 1_000
"""Extra places that only records from WARNING up may take."""
COALESCE = 0.02
_BATCH = 500
_WARNING = 30


class Output(Protocol):
    """Where lines go. Called on the writer's thread only; may block; OSError means lines are lost, ``PartlyWritten``
    how many are not. An empty text is no line: a file looks whether it was moved away."""

    def write(self, text: str) -> None: ...

    def close(self) -> None: ...


class Writer:
    """One output with its queue and thread."""

    def __init__(self, output: Output, render: Render, mask: Callable[[str], str], *, capacity: int = CAPACITY) -> None:
        self._output = output
        self._render = render
        self._mask = mask
        self._capacity = capacity
        self._refused = 0  # for want of room
        self._counting = threading.Lock()  # of ``_refused``: any thread may log
        self._lost = 0  # of what was taken: the output has failed
        self._reported = 0
        self._problem = ""
        self._queue: deque[Record] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines that were not written so far."""
        return self._refused + self._lost

    def put(self, record: Record, severity: int) -> None:
        """Queues the record, or counts it as dropped. ``severity`` is loguru's level number."""
        queue = self._queue
        if len(queue) >= (self._capacity if severity < _WARNING else self._capacity + RESERVE):
            with self._counting:
                self._refused += 1
            return
        queue.append(record)
        if not self._wake.is_set():
            self._wake.set()

    def look_again(self) -> None:
        """The output may have been moved away: it is opened again soon, though there is no line to write."""
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Writes what is queued, for ``timeout`` seconds at most; what is left then is lost."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._closing.wait(COALESCE)
            self._wake.clear()
            last = self._closing.is_set()
            self._write_batch()
            while self._queue:
                self._write_batch()
            if last:
                self._output.close()
                return

    def _write_batch(self) -> None:
        records = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        lines = [self._line(record) for record in records]
        dropped = self.dropped
        if dropped != self._reported:
            lines.append(self._line(_dropped_record(dropped - self._reported, self._problem)))
        try:
            self._output.write(self._mask("".join(lines)))
            self._reported, self._problem = dropped, ""
        except (OSError, ValueError) as error:  # disk full, broken pipe, closed stream: serving goes on
            self._lost += max(0, len(records) - (error.lines if isinstance(error, PartlyWritten) else 0))
            self._problem = (isinstance(error, OSError) and error.strerror) or "the output is closed"

    def _line(self, record: Record) -> str:
        try:
            return self._render(record)
        except Exception as error:
            # A value whose own __str__ fails must cost its line, not the writer.
            record = {**record, "message": f"a log record could not be shown ({type(error).__name__})", "extra": {}}
            return self._render(record)


class LogSink:
    """What loguru writes to: hands each record to every output, and to ``recent``. ``close`` flushes."""

    def __init__(self, writers: Iterable[Writer], recent: LogRing | None = None) -> None:
        self._writers = tuple(writers)
        self._recent = recent or LogRing(1)

    @property
    def dropped(self) -> int:
        """Lines lost so far over all outputs."""
        return sum(writer.dropped for writer in self._writers)

    def put(self, record: Record, severity: int) -> None:
        record = shortened_record(record)
        for writer in self._writers:
            writer.put(record, severity)
        self._recent.put(record, severity)

    def look_again(self) -> None:
        """A file that was moved away is opened again now, not at its next line."""
        for writer in self._writers:
            writer.look_again()

    def close(self, timeout: float = 2.0) -> None:
        """Writes out what is queued; gives up on a stuck output after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        for writer in self._writers:
            writer.close(max(0.0, deadline - time.monotonic()))


def _dropped_record(count: int, problem: str) -> Record:
    lines = "1 log line" if count == 1 else f"{count} log lines"
    message = f"dropped {lines}: {problem or 'the output did not keep up'}"
    return {"at": time.time(), "level": "WARNING", "logger": __name__, "message": message, "extra": {"dropped": count}}
