"""The copy of the last configuration that was put in force, for a start on a broken file.

It lies in the state directory under the SHA-256 of the configuration's real path, so it is never
served for another file. Written atomically, mode 0600, sealed (``sealed``). Losing it costs a
start on a broken file, nothing else: problems are logged and never stop a reload.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from loguru import logger

from daemon.reload.sealed import KEY_BYTES, new_key, seal, unseal
from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole

DIRECTORY: Final = "last-good"
KEY_FILE: Final = "seal.key"


class LastGood:
    """``state_dir`` need not exist yet; ``config_path`` may be a symbolic link."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        self._directory = state_dir / DIRECTORY
        self._key_path = self._directory / KEY_FILE
        real = os.path.realpath(config_path)
        self.path = self._directory / hashlib.sha256(os.fsencode(real)).hexdigest()

    def save(self, raw: bytes) -> None:
        """Replaces the copy unless it is the same; blocks for its fsyncs."""
        if self.load() == raw:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self.path, seal(raw, seal_key(self._key_path)))
        except OSError as error:
            logger.warning("the last good configuration could not be kept in {}: {}", self._directory, error.strerror)

    def load(self) -> bytes | None:
        """The copy; None where there is none or it is damaged."""
        try:
            key = read_whole(str(self._key_path), KEY_BYTES).raw
            raw = unseal(read_whole(str(self.path), 2 * MAX_BYTES).raw, key)
        except Unreadable as why:
            if why.code != "missing":
                logger.warning("the last good configuration in {} {}", self._directory, why.message)
            return None
        if raw is None:
            logger.warning("the last good configuration in {} is damaged: ignored", self._directory)
        return raw


def seal_key(path: Path) -> bytes:
    """The key that lies at ``path``; one is made where there is none. Raises OSError."""
    try:
        key = read_whole(str(path), KEY_BYTES).raw
    except Unreadable:
        key = b""
    if len(key) != KEY_BYTES:
        key = new_key()
        replace_file(path, key)
    return key


def replace_file(path: Path, data: bytes) -> None:
    """All of ``data`` or the old content, whatever happens in between."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
