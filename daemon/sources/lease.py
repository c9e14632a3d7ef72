"""Whether a writer still has this file open. Linux knows: a read lease is refused while one has.

The probe takes the lease and gives it back at once (3 µs). Should a writer open the file in between,
the kernel holds it up for that long and sends us SIGIO, whose default action would end the process:
without ``ignore_lease_breaks`` there is no probe.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import sys
from enum import Enum

OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""For files that somebody may have replaced by a pipe or a terminal: never wait, never get a controlling terminal."""


class Lease(Enum):
    """The answer of the kernel."""

    FREE = "no writer"
    BUSY = "a writer has it open"
    UNAVAILABLE = "cannot be checked here"
    """Not our file (EACCES), a file system without leases (EINVAL, ENOLCK), or not Linux."""


def ignore_lease_breaks() -> None:
    """Ignore SIGIO; effective from the main thread only, elsewhere the probe stays unavailable."""
    try:
        if signal.getsignal(signal.SIGIO) is signal.SIG_DFL:
            signal.signal(signal.SIGIO, signal.SIG_IGN)
    except ValueError:  # not the main thread
        return


def probe(path: str) -> Lease:
    """FREE for what is missing or not a regular file: reading it reports why."""
    if sys.platform != "linux" or signal.getsignal(signal.SIGIO) is signal.SIG_DFL:
        return Lease.UNAVAILABLE
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Lease.FREE
        descriptor = os.open(path, OPEN_FLAGS)
    except OSError as error:
        return Lease.BUSY if error.errno == errno.EWOULDBLOCK else Lease.FREE
    try:
        return _probe_open(descriptor)
    finally:
        os.close(descriptor)


def _probe_open(descriptor: int) -> Lease:
    if sys.platform != "linux":
        return Lease.UNAVAILABLE
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Lease.BUSY if error.errno in (errno.EAGAIN, errno.EBUSY) else Lease.UNAVAILABLE
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:  # a writer came in between; closing the descriptor gives the lease back
        return Lease.BUSY
    return Lease.FREE
