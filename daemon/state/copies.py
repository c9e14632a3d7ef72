"""Copies of the configurations that were applied: the last good one, and a history for rollbacks.

Both are sealed (``files``) and lie below the real path of config.yaml, so they are never served for another
file. Losing them costs a start on a broken file and the way back, nothing else: problems are logged and never
stop a reload.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import Struct, structs

from daemon.sources.reading import Unreadable
from daemon.state.files import SealedDirectory, name_for

LAST_GOOD: Final = "last-good"
HISTORY: Final = "history"
KEPT: Final = 10
VERSION_NAME: Final = re.compile(r"(\d{17})-(\d+)-([0-9a-f]{64})-([0-9a-f]{64})(?:-([a-z]+))?")
CONFIG: Final = "config.yaml"
"""The source whose versions have bytes, and so a way back."""


class LastGood:
    """The copy of the last configuration that was applied, for a start on a broken file. ``state_dir`` need
    not exist yet; ``config_path`` may be a symbolic link. Everything blocks."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        self._directory = SealedDirectory(state_dir, LAST_GOOD)
        self._name = name_for(config_path)

    @property
    def path(self) -> Path:
        return self._directory.path / self._name

    def save(self, raw: bytes) -> None:
        """Replaces the copy unless it is the same; blocks for its fsyncs."""
        if self.load() == raw:
            return
        try:
            self._directory.write(self._name, raw)
        except OSError as error:
            logger.warning(
                "the last good configuration could not be saved in {}: {}", self._directory.path, error.strerror
            )

    def load(self) -> bytes | None:
        """The copy; None where there is none or it is damaged."""
        try:
            raw = self._directory.read(self._name)
        except Unreadable as why:
            if why.code != "missing":
                logger.warning("the last good configuration in {} {}", self._directory.path, why.message)
            return None
        if raw is None:
            logger.warning("the last good configuration in {} is damaged: ignored", self._directory.path)
        return raw


class Version(Struct, frozen=True, kw_only=True):
    """``at`` is Unix seconds; ``digest`` is the SHA-256 of the file's bytes, as in its ETag; ``revision``
    that of what it meant, references included. ``source`` is what changed: another than config.yaml has no bytes here,
    and ``digest`` is that of the file as it was then."""

    generation: int
    revision: str
    at: float
    digest: str
    source: str = CONFIG

    @property
    def file_name(self) -> str:
        suffix = "" if self.source == CONFIG else f"-{self.source}"
        return f"{round(self.at * 1000):017d}-{self.generation}-{self.digest}-{self.revision}{suffix}"

    @classmethod
    def of_file_name(cls, name: str) -> Version | None:
        match = VERSION_NAME.fullmatch(name)
        if match is None:
            return None
        at, generation, source = int(match[1]) / 1000, int(match[2]), match[5] or CONFIG
        return cls(at=at, generation=generation, digest=match[3], revision=match[4], source=source)


class History:
    """The last configurations that were applied, one file each, with everything but the bytes in its name: a list reads
    no file. Of each source the newest are kept: many changes of the store take no way back from the file. Generations
    continue over restarts, so a number never comes to mean something else. ``state_dir`` and ``config_path`` as for
    ``LastGood``. Everything blocks."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        self._directory = SealedDirectory(state_dir, HISTORY, name_for(config_path))

    def generation(self, revision: str) -> int:
        """The generation of a start: that of the newest version if its revision is the same, else the next."""
        newest = next(iter(self.versions()), None)
        if newest is None:
            return 1
        return newest.generation if newest.revision == revision else newest.generation + 1

    def keep(self, raw: bytes, *, generation: int, revision: str, at: float, source: str = CONFIG) -> None:
        """``raw`` is in force as ``generation``, which ``source`` has made. The newest version of the file is replaced
        if it has this generation or the same bytes: a changed comment and a rotated key make no new entry."""
        version = Version(
            generation=generation, revision=revision, at=at, digest=hashlib.sha256(raw).hexdigest(), source=source
        )
        every = self.versions()
        before = [each for each in every if each.source == source]
        if before and before[0] is not every[0] and every[0].generation == generation:
            # Another source has made this generation; the file means what it meant before.
            version = structs.replace(version, generation=before[0].generation, revision=before[0].revision)
        try:
            self._directory.write(version.file_name, raw if source == CONFIG else b"")
            stale = 1 if before and _replaces(version, before[0]) else 0
            for old in (*before[:stale], *before[stale + KEPT - 1 :]):
                if old.file_name != version.file_name:
                    (self._directory.path / old.file_name).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("this configuration could not be saved in {}: {}", self._directory.path, error.strerror)

    def versions(self) -> tuple[Version, ...]:
        """All versions, the newest first."""
        try:
            versions = [Version.of_file_name(name) for name in os.listdir(self._directory.path)]
        except OSError:
            return ()
        return tuple(sorted(filter(None, versions), key=lambda each: (each.generation, each.at), reverse=True))

    def load(self, version: Version) -> bytes | None:
        """The bytes of a version; None where they are missing or damaged, or where it is not the file's."""
        if version.source != CONFIG:
            return None
        try:
            raw = self._directory.read(version.file_name)
        except Unreadable:
            return None
        return raw if raw is not None and hashlib.sha256(raw).hexdigest() == version.digest else None


def _replaces(new: Version, newest: Version) -> bool:
    """Both of one source."""
    return newest.generation == new.generation or (new.source == CONFIG and newest.digest == new.digest)
