"""The last configurations that were in force, to go back to: their bytes, generation, time and digest.

One sealed file each (``sealed``, mode 0600) in the state directory, below the SHA-256 of the
configuration's real path. Its name says all but the bytes, so that a list needs no reading. Generations
count on over restarts, so a number that was read once never comes to mean something else. Losing
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

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole
from daemon.state.atomic import replace_file
from daemon.state.sealed import KEY_BYTES, KEY_FILE, seal, seal_key, unseal

DIRECTORY: Final = "history"
KEPT: Final = 10
NAME: Final = re.compile(r"(\d{17})-(\d+)-([0-9a-f]{64})-([0-9a-f]{64})")


class Version(Struct, frozen=True, kw_only=True):
    """``at`` is Unix seconds; ``digest`` is the SHA-256 of the file's bytes, as in its ETag; ``revision``
    that of what it meant, references included."""

    generation: int
    revision: str
    at: float
    digest: str

    @property
    def file_name(self) -> str:
        return f"{round(self.at * 1000):017d}-{self.generation}-{self.digest}-{self.revision}"

    @classmethod
    def of_file_name(cls, name: str) -> Version | None:
        found = NAME.fullmatch(name)
        if found is None:
            return None
        return cls(at=int(found[1]) / 1000, generation=int(found[2]), digest=found[3], revision=found[4])


class History:
    """``state_dir`` need not exist yet; ``config_path`` may be a symbolic link. Everything blocks."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        real = os.path.realpath(config_path)
        self._directory = state_dir / DIRECTORY / hashlib.sha256(os.fsencode(real)).hexdigest()

    def generation(self, revision: str) -> int:
        """The one that a start begins with: that of the newest version if it meant the same, else the next."""
        newest = next(iter(self.versions()), None)
        if newest is None:
            return 1
        return newest.generation if newest.revision == revision else newest.generation + 1

    def keep(self, raw: bytes, *, generation: int, revision: str, at: float) -> None:
        """``raw`` is in force as ``generation``. What was kept of this generation, or last with the same
        bytes, is replaced: a changed comment and a rotated key make no new entry."""
        digest = hashlib.sha256(raw).hexdigest()
        version = Version(generation=generation, revision=revision, at=at, digest=digest)
        before = self.versions()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._directory / version.file_name, seal(raw, seal_key(self._directory / KEY_FILE)))
            stale = 1 if before and (before[0].generation == generation or before[0].digest == digest) else 0
            for old in (*before[:stale], *before[stale + KEPT - 1 :]):
                if old.file_name != version.file_name:
                    (self._directory / old.file_name).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("this configuration could not be kept in {}: {}", self._directory, error.strerror)

    def versions(self) -> tuple[Version, ...]:
        """What is kept, the newest first."""
        try:
            found = [Version.of_file_name(name) for name in os.listdir(self._directory)]
        except OSError:
            return ()
        return tuple(sorted(filter(None, found), key=lambda each: (each.generation, each.at), reverse=True))

    def load(self, version: Version) -> bytes | None:
        """The bytes of a kept version; None where they are gone or damaged."""
        try:
            key = read_whole(str(self._directory / KEY_FILE), KEY_BYTES).raw
            raw = unseal(read_whole(str(self._directory / version.file_name), 2 * MAX_BYTES).raw, key)
        except Unreadable:
            return None
        return raw if raw is not None and hashlib.sha256(raw).hexdigest() == version.digest else None
