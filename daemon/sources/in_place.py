"""Writing a file where it is, for want of a rename: the room first, and the old bytes back if it fails."""

from __future__ import annotations

import os
from contextlib import suppress


def overwrite(path: str, before: bytes, after: bytes) -> None:
    """Make ``path``, which holds ``before``, hold ``after``. Raises OSError; the file then holds ``before``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        _allocate(descriptor, before, after)
        try:
            _fill(descriptor, after)
        except OSError:
            with suppress(OSError):
                _fill(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def is_between(now: bytes, before: bytes, after: bytes) -> bool:
    """Whether a file that says ``now`` was left halfway by ``overwrite``: neither side, and every byte from one."""
    if now in (before, after) or len(now) not in (len(before), len(after)):
        return False
    sides = (side[: len(now)].ljust(len(now), b"\0") for side in (before, after))
    return all(byte in pair for byte, *pair in zip(now, *sides, strict=True))


def _allocate(descriptor: int, before: bytes, after: bytes) -> None:
    """Beyond the end of the old bytes, so that a full disk shows before any of them is lost."""
    if len(after) <= len(before):
        return
    try:
        os.posix_fallocate(descriptor, len(before), len(after) - len(before))
    except OSError:
        os.ftruncate(descriptor, len(before))
        raise


def _fill(descriptor: int, data: bytes) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], done)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)
