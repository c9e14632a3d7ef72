"""The ``process_*`` metrics that every Prometheus client library has, by the same names.

The library's own need ``/proc/stat``, which a service with ``ProcSubset=pid`` cannot read, and show nothing without it.
Where there is no ``/proc`` at all, there are none.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Final

from daemon.telemetry.metric_table import Metric

PROC: Final = Path("/proc/self")

CPU: Final = Metric("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.")
STARTED: Final = Metric("process_start_time_seconds", "gauge", "Unix time of the process's start.")
VIRTUAL: Final = Metric("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.")
RESIDENT: Final = Metric("process_resident_memory_bytes", "gauge", "Resident memory in bytes.")
OPEN_FILES: Final = Metric("process_open_fds", "gauge", "Open file descriptors.")
MOST_FILES: Final = Metric("process_max_fds", "gauge", "The most open file descriptors.")
PROCESS_TABLE: Final = (CPU, STARTED, VIRTUAL, RESIDENT, OPEN_FILES, MOST_FILES)

_AFTER_NAME: Final = b")"
"""The second field of ``stat`` is the program's name, which may hold spaces and brackets: counted is from its end."""
_IN_USER, _IN_SYSTEM, _START, _SIZE, _PAGES = 11, 12, 19, 20, 21
"""Fields of ``stat`` after the name, see proc(5)."""


class ProcessNumbers:
    """Of this process."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._tick = 1 / os.sysconf("SC_CLK_TCK")
        self._page = resource.getpagesize()
        self._booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)  # once: a start that moves looks like many

    def read(self) -> Iterator[tuple[Metric, float]]:
        """Each with its number of now."""
        with suppress(OSError):
            fields = (self._proc / "stat").read_bytes().rpartition(_AFTER_NAME)[2].split()
            yield CPU, (int(fields[_IN_USER]) + int(fields[_IN_SYSTEM])) * self._tick
            yield STARTED, self._booted + int(fields[_START]) * self._tick
            yield VIRTUAL, int(fields[_SIZE])
            yield RESIDENT, int(fields[_PAGES]) * self._page
        with suppress(OSError):
            yield OPEN_FILES, len(os.listdir(self._proc / "fd"))
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            yield MOST_FILES, inf if most == resource.RLIM_INFINITY else most
