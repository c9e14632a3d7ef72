"""The last configurations that were in force, to go back to: their bytes, generation, time and digest.

One sealed file each (``sealed``, mode 0600) in the state directory, below the SHA-256 of the
configuration's real path. Its name says all but the bytes, so that a list needs no reading. Generations
begin anew at each start of the daemon; where two have the same number, the newer one is meant. Losing
the history costs the way back, nothing else: problems are logged and never stop a reload.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import Struct

from daemon.reload.last_good import KEY_FILE, replace_file, seal_key
from daemon.reload.sealed import KEY_BYTES, seal, unseal
from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole

DIRECTORY: Final = "history"
KEPT: Final = 10
NAME: Final = re.compile(r"(\d{17})-(\d+)-([0-9a-f]{64})")


class Version(Struct, frozen=True, kw_only=True):
    """``at`` is Unix seconds; ``digest`` is the SHA-256 of the file's bytes, as in its ETag."""

    generation: int
    at: float
    digest: str

    @property
    def file_name(self) -> str:
        return f"{round(self.at * 1000):017d}-{self.generation}-{self.digest}"


class History:
    """``state_dir`` need not exist yet; ``config_path`` may be a symbolic link. Everything blocks."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        real = os.path.realpath(config_path)
        self._directory = state_dir / DIRECTORY / hashlib.sha256(os.fsencode(real)).hexdigest()
        self._newest: Version | None = None

    def keep(self, raw: bytes, *, generation: int, at: float) -> None:
        """``raw`` is in force as ``generation``. What was kept of this generation, or last with the same
        bytes, is replaced: a changed comment and a restart make no new entry."""
        version = Version(generation=generation, at=at, digest=hashlib.sha256(raw).hexdigest())
        before = self.versions()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._directory / version.file_name, seal(raw, seal_key(self._directory / KEY_FILE)))
            stale = 1 if before and self._is_same(before[0], version) else 0
            for old in (*before[:stale], *before[stale + KEPT - 1 :]):
                if old.file_name != version.file_name:
                    (self._directory / old.file_name).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("this configuration could not be kept in {}: {}", self._directory, error.strerror)
        self._newest = version

    def versions(self) -> tuple[Version, ...]:
        """What is kept, the newest first."""
        try:
            names = sorted(os.listdir(self._directory), reverse=True)
        except OSError:
            return ()
        found = (NAME.fullmatch(name) for name in names)
        return tuple(Version(generation=int(each[2]), at=int(each[1]) / 1000, digest=each[3]) for each in found if each)

    def load(self, version: Version) -> bytes | None:
        """The bytes of a kept version; None where they are gone or damaged."""
        try:
            key = read_whole(str(self._directory / KEY_FILE), KEY_BYTES).raw
            raw = unseal(read_whole(str(self._directory / version.file_name), 2 * MAX_BYTES).raw, key)
        except Unreadable:
            return None
        return raw if raw is not None and hashlib.sha256(raw).hexdigest() == version.digest else None

    def _is_same(self, old: Version, new: Version) -> bool:
        """Whether the entry before is of this life's same generation, or says the same bytes."""
        this_life = self._newest is not None and old.file_name == self._newest.file_name
        return old.digest == new.digest or (this_life and old.generation == new.generation)
