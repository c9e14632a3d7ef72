"""Reading a file that somebody may be replacing: whole, regular, of bounded size, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.sources.lease import OPEN_FLAGS

MAX_BYTES: Final = 16 * 1024 * 1024
ATTEMPTS: Final = 5

Stamp = tuple[int, ...]
"""(device, inode, size, mtime, ctime) of the file behind a path, or (errno,) if it cannot be read."""


class Unreadable(Exception):
    """Why a file was not read: ``code`` for programs, ``message`` and ``hint`` for people."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def about(self, name: str) -> str:
        """The message as a sentence about the file."""
        says_what = self.message.startswith(("is ", "does ", "has ", "kept "))
        return f"{name} {self.message}" if says_what else f"{name} cannot be read: {self.message}"


class FileContent(Struct, frozen=True):
    """``mode`` is its ``st_mode``."""

    raw: bytes
    mode: int = 0


def stamp(path: str) -> Stamp:
    """Follows symbolic links. Changes whenever the content may have changed, also when the mtime was set back."""
    try:
        return _stamp(os.stat(path))
    except OSError as error:
        return (error.errno or errno.EIO,)
    except ValueError:  # a NUL in the name
        return (errno.EINVAL,)


def read_whole(path: str, limit: int = MAX_BYTES, *, links: bool = True) -> FileContent:
    """The bytes of a regular file, read between two equal stamps; without ``links``, of one that is no symbolic link.

    Raises Unreadable; never blocks on a pipe, never opens a device, never reads more than ``limit``.
    """
    try:
        _refuse_irregular(os.stat(path))
        descriptor = os.open(path, OPEN_FLAGS if links else OPEN_FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        raise explain(error) from None
    except ValueError:
        raise Unreadable("unreadable", "is not a usable file name", "remove the NUL byte from the name") from None
    try:
        return _read_stable(descriptor, limit)
    except OSError as error:
        raise explain(error) from None
    finally:
        os.close(descriptor)


def _read_stable(descriptor: int, limit: int) -> FileContent:
    for _ in range(ATTEMPTS):
        before = os.fstat(descriptor)
        _refuse_irregular(before)
        if before.st_size > limit:
            raise Unreadable("too-large", f"has {before.st_size} bytes, the limit is {limit}", "make it smaller")
        raw = _read_all(descriptor, before.st_size)
        after = os.fstat(descriptor)
        if len(raw) == after.st_size and _stamp(before) == _stamp(after):
            return FileContent(raw, after.st_mode)
    raise Unreadable("changing", "kept changing while it was read", "finish writing it; the next change is read again")


def _read_all(descriptor: int, size: int) -> bytes:
    """``size`` bytes from the start, or fewer where the file ends before."""
    parts: list[bytes] = []
    offset = 0
    while offset < size and (part := os.pread(descriptor, size - offset, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _refuse_irregular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("not-regular", f"is {_kind(status.st_mode)}, not a regular file", "name a regular file")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def explain(error: OSError) -> Unreadable:
    """The same for an error of the system."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Unreadable("missing", "does not exist", "write one with: tppcd init, or check the path")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreadable(
            "unreadable", "permission denied", "give the daemon's user read access, e.g. by chown or chmod"
        )
    if error.errno == errno.EISDIR:
        return Unreadable("not-regular", "is a directory, not a regular file", "name a regular file")
    if error.errno == errno.ELOOP:
        return Unreadable("unreadable", "too many symbolic links", "check where the link leads")
    return Unreadable("unreadable", os.strerror(error.errno or errno.EIO).lower(), "check the file and its file system")


def unreadable_config(why: Unreadable, source: str) -> Diagnostic:
    """What is reported of a config.yaml that was not read; ``source`` is its path as it was given."""
    hint = "write one with: tppcd init, or check the path" if why.code == "missing" else why.hint
    message = why.about(os.path.basename(source) or source)
    return Diagnostic(severity="error", code=f"config-{why.code}", message=message, source=source, hint=hint)


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
