"""The copy of the last configuration that was put in force, for a start on a broken file.

It lies in the state directory under the SHA-256 of the configuration's real path, so it is never
served for another file. Written atomically, mode 0600, sealed (``sealed``). Losing it costs a
start on a broken file, nothing else: problems are logged and never stop a reload.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from loguru import logger

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole
from daemon.state.atomic import replace_file
from daemon.state.sealed import KEY_BYTES, KEY_FILE, seal, seal_key, unseal

DIRECTORY: Final = "last-good"


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
