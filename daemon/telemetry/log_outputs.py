"""Where log lines go: a stream, or a file that is rotated by size, by us or by others (logrotate).

A disk that is full may take the first part of a text. Its lines count as written up to the last whole one, and what
comes later begins on a line of its own.
"""

from __future__ import annotations

import errno
import io
import os
import re
import select
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_NOT_REGULAR: Final = "not a regular file"


class PartlyWritten(OSError):
    """Not all of a text was written, but its first ``lines``."""

    def __init__(self, error: OSError, lines: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.lines = lines


class StreamOutput:
    """Writes to the stream's descriptor itself: a thread stuck inside Python's buffered writer
    would hold its lock, and the interpreter could then not exit."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._fd = _descriptor(stream)
        self._torn = False

    def write(self, text: str) -> None:
        if self._fd is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode("utf-8", "backslashreplace")
        written, error = _write_all(self._fd, b"\n" + data if self._torn and data else data)
        self._torn = not written.endswith(b"\n") if written else self._torn
        if error is not None:
            raise PartlyWritten(error, written.lstrip(b"\n").count(b"\n"))

    def close(self) -> None:
        """The stream stays open: it belongs to the caller."""


class FileOutput:
    """A file of mode 0600, opened again when something moved it away (logrotate), rotated to
    ``name.<time>`` when it is larger than ``rotation`` bytes. Of the old ones ``keep_files`` stay, or those of the
    last ``keep_seconds``. A symbolic link is followed where ``links`` allows it. ``write("")`` only looks whether it
    was moved. While it cannot be opened again, lines go on into the file that was moved away.

    Opening blocks, for ever on a file system that does not answer. Raises OSError where it cannot be opened, also for
    what is no regular file: a pipe has an end to wait for, and a device no size.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotation: int,
        keep_files: int | None,
        keep_seconds: float | None = None,
        links: bool = True,
    ) -> None:
        self._path = path
        self._flags = _FLAGS if links else _FLAGS | os.O_NOFOLLOW
        self._rotation = rotation
        self._keep_files = keep_files
        self._keep_seconds = keep_seconds
        self._fd = self._open()

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        if self._moved():
            self._reopen()
        size = os.fstat(self._fd).st_size
        if size and size + len(data) > self._rotation:
            self._rotate()
            size = os.fstat(self._fd).st_size
        written, error = _write_all(self._fd, data)
        if error is not None:
            self._cut_torn_line(size, written)
            raise PartlyWritten(error, written.count(b"\n"))

    def close(self) -> None:
        os.close(self._fd)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self._path, self._flags, 0o600)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
                raise OSError(errno.EINVAL, _NOT_REGULAR, str(self._path)) from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, _NOT_REGULAR, str(self._path))
        return descriptor

    def _reopen(self) -> None:
        try:
            descriptor = self._open()
        except OSError:
            if not os.fstat(self._fd).st_nlink:
                raise  # the old file is gone, too: nobody would ever see what is written there
            return
        os.close(self._fd)
        self._fd = descriptor

    def _cut_torn_line(self, size: int, written: bytes) -> None:
        """Removes the beginning of a line that did not fit, unless others write to the file as well."""
        torn = len(written) - (written.rfind(b"\n") + 1)
        with suppress(OSError):
            if torn and os.fstat(self._fd).st_size == size + len(written):
                os.ftruncate(self._fd, size + len(written) - torn)

    def _moved(self) -> bool:
        ours = os.fstat(self._fd)
        try:
            there = self._path.stat()
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _rotate(self) -> None:
        """Where the directory does not allow it, the file grows: that costs no line."""
        stamp = time.strftime("%Y%m%dT%H%M%S") + f"{time.time() % 1:.6f}"[1:]
        with suppress(OSError):
            self._path.rename(self._path.with_name(f"{self._path.name}.{stamp}"))
            self._reopen()
            self._remove_old()

    def _remove_old(self) -> None:
        pattern = re.compile(re.escape(self._path.name) + r"\.\d{8}T\d{6}\.\d{6}")
        old = sorted(entry for entry in self._path.parent.iterdir() if pattern.fullmatch(entry.name))
        expired = old[: -self._keep_files or None] if self._keep_files is not None else []
        if self._keep_seconds is not None:
            limit = time.time() - self._keep_seconds
            expired = [entry for entry in old if entry.stat().st_mtime < limit]
        for entry in expired:
            entry.unlink(missing_ok=True)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, io.UnsupportedOperation, ValueError):
        return None


def _write_all(fd: int, data: bytes) -> tuple[bytes, OSError | None]:
    """What was written, and why not all of it."""
    at = 0
    while at < len(data):
        try:
            at += os.write(fd, memoryview(data)[at:])
        except BlockingIOError:  # the descriptor came to us non-blocking; this thread may wait
            select.select([], [fd], [])
        except OSError as error:
            return data[:at], error
    return data, None
