"""What a write in place replaces, saved until it is done: after a kill halfway, the next start puts it back.

One sealed file in the state directory, below the real path of config.yaml; it is there only during such a
write. Everything blocks, and is called with the write lock held.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger
from msgspec import Struct

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole
from daemon.sources.write import is_between, overwrite
from daemon.state.files import SealedDirectory, name_for

DIRECTORY: Final = "unfinished"


class Sides(Struct, frozen=True):
    """The content of the file before the write, and after it."""

    before: bytes
    after: bytes


class Unfinished:
    """``state_dir`` need not exist yet; ``config_path`` may be a symbolic link."""

    def __init__(self, state_dir: Path, config_path: Path) -> None:
        self._real = os.path.realpath(config_path)
        self._directory = SealedDirectory(state_dir, DIRECTORY)
        self._name = name_for(config_path)

    @contextmanager
    def keep(self, before: bytes, after: bytes) -> Iterator[None]:
        """Around the write. Raises OSError if the content cannot be saved; then nothing must be written."""
        self._directory.write(self._name, msgspec.msgpack.encode(Sides(before, after)))
        try:
            yield
        finally:
            self._settle(Sides(before, after))

    def take_back(self) -> None:
        """At a start: restores the content before a write that was killed halfway."""
        sides = self._load()
        if sides is not None and self._settle(sides):
            logger.warning("a write to {} was killed halfway; its earlier content has been restored", self._real)

    def _settle(self, sides: Sides) -> bool:
        """Whether the file was halfway and has been restored. Any other content is somebody's edit, and stays."""
        with suppress(OSError, Unreadable):
            now = read_whole(self._real).raw
            torn = is_between(now, sides.before, sides.after)
            if torn:
                overwrite(self._real, now, sides.before)
            (self._directory.path / self._name).unlink(missing_ok=True)
            return torn
        logger.error(
            "a write to {} may have been killed halfway, and its earlier content cannot be restored", self._real
        )
        return False

    def _load(self) -> Sides | None:
        try:
            sides = self._directory.read(self._name, 8 * MAX_BYTES)
        except Unreadable:
            return None
        return None if sides is None else msgspec.msgpack.decode(sides, type=Sides)
