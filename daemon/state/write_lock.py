"""One writer at a time: a lock file in the state directory, against a second daemon that shares it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from daemon.sources.write import Conflict, WriteRefused
from daemon.state.files import create_file, make_directory

LOCK_FILE: Final = "write.lock"
PATIENCE_S: Final = 5.0
STEP_S: Final = 0.02


@contextmanager
def write_lock(state_dir: Path, *, patience: float = PATIENCE_S) -> Iterator[None]:
    """Held by one process at a time, and gone with it. Raises Conflict after ``patience`` seconds. Blocks."""
    try:
        make_directory(state_dir)
        descriptor = create_file(state_dir / LOCK_FILE, lock=True)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise WriteRefused(f"the lock in the state directory {state_dir} cannot be opened: {reason}") from error
    try:
        _take(descriptor, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise Conflict("another tppcd that shares the state directory is writing; try again") from None
            time.sleep(STEP_S)
