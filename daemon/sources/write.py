"""Writing config.yaml: all of it or nothing, and never over what somebody else has written in the meantime.

    read_for_write (remember the stamp) ─▶ the caller works out the new bytes ─▶ replace (stamp still the same?)

1. The usual way is a new file beside the old one and a rename: owner, mode and extended attributes are
   kept, symbolic links are followed.
2. Where that would lose something (hard links, a foreign owner) or is not possible (the directory is not
   writable, a bind mount) the file is written in place: space is allocated first, and the old bytes are put
   back if the write fails. ``keep`` is entered around it, to save both sides in case the daemon is killed.
3. Everything here blocks; it runs on a thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import Struct

from daemon.sources.lease import Lease, probe
from daemon.sources.reading import Stamp, Unreadable, read_whole, stamp

ATTEMPTS: Final = 5
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
NO_NEW_FILE: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_RENAME: Final = (*NO_NEW_FILE, errno.EBUSY, errno.EXDEV)

Keep = Callable[[bytes, bytes], AbstractContextManager[None]]
"""(old bytes, new bytes) -> what is entered before a write in place and left when the file is whole again."""


class WriteRefused(Exception):
    """The file was not written and is as it was; ``message`` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Conflict(WriteRefused):
    """Somebody else has changed the file, or is about to."""


class DiskFull(WriteRefused):
    """There is no space for the new content."""


class NotReplaceable(Exception):
    """A new file would not be like the old one, or cannot take its place: write in place instead."""


class FileOnDisk(Struct, frozen=True):
    """A file as it was read; ``raw`` is empty for one that is missing (``stamp`` then shows it)."""

    path: str
    raw: bytes
    stamp: Stamp

    @property
    def is_there(self) -> bool:
        return len(self.stamp) > 1


def read_for_write(path: str | Path) -> FileOnDisk:
    """The file as it is now, symbolic links followed. Raises Unreadable; one that is missing is empty."""
    real = os.path.realpath(path)
    for _ in range(ATTEMPTS):
        before = stamp(real)
        if before == (errno.ENOENT,):
            return FileOnDisk(real, b"", before)
        raw = read_whole(real).raw
        if stamp(real) == before:
            return FileOnDisk(real, raw, before)
    raise Unreadable("changing", "kept changing while it was read", "try again")


def replace(file: FileOnDisk, data: bytes, *, keep: Keep = lambda *_: nullcontext()) -> None:
    """Make ``data`` the content of the file, on disk when this returns. Raises Conflict, DiskFull, WriteRefused."""
    _refuse_stale(file)
    if file.is_there and os.stat(file.path).st_nlink == 0:
        raise WriteRefused(
            "the file was replaced on the host and only its old content is mounted here: mount its directory"
        )
    try:
        try:
            _by_rename(file, data)
        except NotReplaceable:
            _refuse_stale(file)
            with keep(file.raw, data):
                overwrite(file.path, file.raw, data)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        if error.errno in FULL:
            raise DiskFull(f"there is no space to write the file: {reason}") from error
        raise WriteRefused(f"the file can be neither replaced nor written in place: {reason}") from error


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


def remove_stale_files(path: str | Path) -> int:
    """Remove what writers that were killed have left beside the file; how many. Live ones hold a lock."""
    real = Path(os.path.realpath(path))
    pattern = re.compile(re.escape(f".{real.name}.") + r"[0-9a-f]{8}\.tmp")
    removed = 0
    with suppress(OSError):
        for name in os.listdir(real.parent):
            if pattern.fullmatch(name):
                removed += _removed(real.parent / name)
    return removed


@contextmanager
def _new_file(real: Path) -> Iterator[tuple[int, Path]]:
    """(descriptor, path) of an empty file beside ``real``, locked against ``remove_stale_files``; gone at the end."""
    path = real.with_name(f".{real.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno in NO_NEW_FILE:
            raise NotReplaceable from error
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor, path
    finally:
        with suppress(FileNotFoundError):  # it was renamed
            path.unlink()
        os.close(descriptor)


def _by_rename(file: FileOnDisk, data: bytes) -> None:
    real = Path(file.path)
    if file.is_there and os.stat(real).st_nlink > 1:
        raise NotReplaceable
    with _new_file(real) as (descriptor, path):
        if file.is_there:
            _keep_likeness(real, descriptor)
        _write_all(descriptor, data)
        os.fsync(descriptor)
        _refuse_stale(file)
        try:
            os.rename(path, real)
        except OSError as error:
            if error.errno in NO_RENAME:
                raise NotReplaceable from error
            raise
    _sync_directory(real.parent)


def _keep_likeness(real: Path, descriptor: int) -> None:
    """Owner, mode and extended attributes of the old file. Raises NotReplaceable."""
    status = os.stat(real)
    try:
        ours = os.fstat(descriptor)
        if (ours.st_uid, ours.st_gid) != (status.st_uid, status.st_gid):  # the unit's sandbox refuses chown altogether
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, status.st_mode & 0o7777)
        for name in _attributes(real):
            os.setxattr(descriptor, name, os.getxattr(real, name))
    except OSError as error:
        if error.errno in FULL:
            raise
        raise NotReplaceable from error


def _attributes(real: Path) -> list[str]:
    try:
        return os.listxattr(real)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _refuse_stale(file: FileOnDisk) -> None:
    if stamp(file.path) != file.stamp:
        raise Conflict("the file has been edited since it was read; read it again, then repeat the change")
    if probe(file.path) is Lease.BUSY:
        raise Conflict("someone has the file open for writing; repeat the change when it has been saved")


def _removed(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    logger.info("removed {}, left by a writer that was killed", path)
    return 1


def _sync_directory(path: Path) -> None:
    """The rename has happened; a file system that cannot sync directories is no reason to fail."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
