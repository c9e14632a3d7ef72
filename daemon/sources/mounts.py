"""Files that were mounted one by one into a container and then replaced on the host.

Such a mount shows the file, not its name. Whoever renames a new file over it on the host (most editors, ``sed -i``,
deployments) leaves the container with the old one, which will never change again. The kernel shows it in two ways: the
file has no name left (``st_nlink`` 0), or its mount's root has another one, where the old file was kept
(``config.yaml~``; field 4 of /proc/self/mountinfo, Linux 2.6.26 and later).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import Final

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic

MOUNTINFO: Final = "/proc/self/mountinfo"
ESCAPE: Final = re.compile(r"\\([0-7]{3})")


class Mount(Struct, frozen=True):
    """``number`` is unique while it is mounted; ``root`` is the path of what is mounted, within its file system."""

    number: int
    root: str


class ReplacedFiles:
    """Remembers what was mounted where. It reads /proc; nothing of the files."""

    def __init__(self) -> None:
        self._first: dict[str, Mount] = {}

    def among(self, paths: Collection[str]) -> frozenset[str]:
        """Those that were replaced on the host. Others than ``paths`` are forgotten."""
        mounts = mounts_of(paths)
        self._first = {path: self._known(path, mount) for path, mount in mounts.items()}
        moved = {path for path, mount in mounts.items() if mount.root != self._first[path].root}
        return frozenset(moved | {path for path in paths if _links(path) == 0})

    def _known(self, path: str, mount: Mount) -> Mount:
        known = self._first.get(path)
        return known if known is not None and known.number == mount.number else mount


def mounts_of(paths: Collection[str]) -> dict[str, Mount]:
    """Of each path that is a mount point itself, its mount. Empty where there is no /proc."""
    points: dict[str, Mount] = {}
    try:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                fields = line.split(" ", 5)
                points[_plain(fields[4])] = Mount(int(fields[0]), fields[3])  # the last one of a point is on top
    except (OSError, ValueError, IndexError):
        return {}
    reals = {path: os.path.realpath(path) for path in paths}
    return {path: points[real] for path, real in reals.items() if real in points}


def replaced(path: str) -> Diagnostic:
    """What is shown of a file that was replaced on the host."""
    return Diagnostic(
        severity="error",
        code="replaced-on-host",
        message="was replaced on the host and will not change any more here, where the old file is mounted",
        about=path,
        hint="mount its directory instead of the file, then start the container again",
    )


def _links(path: str) -> int:
    try:
        return os.stat(path).st_nlink
    except OSError:
        return -1


def _plain(field: str) -> str:
    """mountinfo writes blanks, tabs, line ends and backslashes as octal numbers."""
    return ESCAPE.sub(lambda match: chr(int(match[1], 8)), field)
