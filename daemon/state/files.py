"""How files are made in the state directory: by nobody else, replaced whole, and sealed where they may hold keys.

1. Others may have put links and pipes there, should they be able to write there (``exposed`` warns of that). A file is
   made (O_EXCL, O_NOFOLLOW) under a new name that nobody can guess, then renamed: nothing is written through a link,
   nobody who has the file open sees what is written, and what a killed writer has left is in nobody's way.
2. Directories below are opened one by one without following links.

Copies of config.yaml may contain literal keys, so they are encrypted at rest. The key of the seal is in the same
directory (both 0600): this gives no protection against somebody who has the whole directory; it keeps keys out of
backups of single files, support bundles and ``grep``. The format is Fernet's (AES-CBC and HMAC, authenticated).
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole

KEY_FILE: Final = "seal.key"
DIRECTORY_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
KEY_BYTES: Final = 44
"""A Fernet key as it is written: 32 bytes in URL-safe base64."""


def replace_file(path: Path, data: bytes) -> None:
    """``path`` holds all of ``data`` (mode 0600) or its old content, whatever happens in between, a power
    loss included: the file is synced before it is renamed, and the rename synced too. A link in its place is replaced,
    never followed. Blocks for two fsyncs; raises OSError."""
    directory = os.open(path.parent, DIRECTORY_FLAGS)
    try:
        replace_in(directory, path.name, data)
    finally:
        os.close(directory)


def create_file(name: str | Path, *, directory: int | None = None, lock: bool = False) -> int:
    """The descriptor of a new, empty file of mode 0600; ``directory`` is where a relative ``name`` begins. With
    ``lock`` it may be there already. A link is never followed. Raises OSError.

    Every file of the state directory begins here, but for those of the log (``telemetry.log_outputs``), the admin
    socket, which ``bind`` makes, and SQLite's own beside its database."""
    exclusive = 0 if lock else os.O_EXCL
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags | exclusive, 0o600, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(name))
        if exclusive:
            os.fchmod(descriptor, 0o600)  # a umask of 0277 is allowed
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def make_directory(path: Path) -> None:
    """``path`` and what is missing above it, each of mode 0700 whatever the umask. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir(mode=0o700)
            if each.stat().st_mode & 0o777 != 0o700:
                each.chmod(0o700)
        except FileExistsError:
            if not each.is_dir():
                raise
    if not missing and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


@contextmanager
def inner_directory(state_dir: Path, *names: str) -> Iterator[int]:
    """A directory below the state directory, made where it is missing, mode 0700. The state directory may be behind a
    link, as systemd's is with DynamicUser=; one below it is not. Raises OSError."""
    make_directory(state_dir)
    descriptor = os.open(state_dir, DIRECTORY_FLAGS)
    try:
        for name in names:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=descriptor)
            inner = os.open(name, DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
            status = os.fstat(descriptor)
            if status.st_mode & 0o777 != 0o700 and status.st_uid == os.geteuid():
                os.fchmod(descriptor, 0o700)
        yield descriptor
    finally:
        os.close(descriptor)


def replace_in(directory: int, name: str, data: bytes) -> None:
    """As ``replace_file``; ``directory`` is a descriptor."""
    temporary = f".{name}.{secrets.token_hex(8)}"
    descriptor = create_file(temporary, directory=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(temporary, dir_fd=directory)
        raise
    os.fsync(directory)


def read_file(path: Path) -> bytes | None:
    """The bytes of a regular file, without waiting for a pipe; None where there is none. Raises OSError."""
    try:
        return read_whole(str(path)).raw
    except Unreadable as why:
        if why.code == "missing":
            return None
        raise OSError(errno.EINVAL, why.message, str(path)) from why


def name_for(config_path: Path) -> str:
    """The name of everything that is saved for a configuration, so that it is never used for another path: the
    SHA-256 of the real path (hex), symbolic links followed."""
    return hashlib.sha256(os.fsencode(os.path.realpath(config_path))).hexdigest()


class SealedDirectory:
    """A directory of sealed files below the state directory, with the key that they share; it need not exist yet.
    Everything blocks."""

    def __init__(self, state_dir: Path, *names: str) -> None:
        self._state_dir = state_dir
        self._names = names
        self.path = state_dir.joinpath(*names)

    def write(self, name: str, data: bytes) -> None:
        """Replaces a file. The key is made where there is none. Raises OSError."""
        with inner_directory(self._state_dir, *self._names) as directory:
            try:
                key = self._key()
            except Unreadable:
                key = b""
            if len(key) != KEY_BYTES:
                key = Fernet.generate_key()
                replace_in(directory, KEY_FILE, key)
            replace_in(directory, name, Fernet(key).encrypt(data))

    def read(self, name: str, limit: int = 2 * MAX_BYTES) -> bytes | None:
        """The data; None where it has been damaged or sealed with another key. Raises Unreadable, also where the
        file has more than ``limit`` bytes, sealed."""
        key = self._key()
        sealed = read_whole(str(self.path / name), limit, links=False).raw
        try:
            return Fernet(key).decrypt(sealed)
        except (InvalidToken, ValueError):
            return None

    def _key(self) -> bytes:
        return read_whole(str(self.path / KEY_FILE), KEY_BYTES, links=False).raw
