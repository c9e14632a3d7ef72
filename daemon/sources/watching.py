"""Which directories to listen to, so that no way of saving a file goes unheard.

Watching the file itself goes deaf after the first rename over it; watching only its directory hears
nothing of a link's target or of the directory's own replacement (reliability study, 2a). So: the
directory of the path, that of what it leads to, and the parent of the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Identity = tuple[int, int]
"""(device, inode): a directory put in the place of another has a different one."""


def directories(config: str, named: Iterable[str]) -> Mapping[str, Identity]:
    """The existing, readable directories to watch for ``config`` and the files it names."""
    wanted = {str(Path(config).absolute().parent.parent)}
    for path in (config, *named):
        wanted.add(str(Path(path).absolute().parent))
        wanted.add(os.path.dirname(os.path.realpath(path)))
    found = ((path, _identity(path)) for path in sorted(wanted))
    return {path: identity for path, identity in found if identity is not None}


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    usable = os.path.isdir(path) and os.access(path, os.R_OK)
    return (status.st_dev, status.st_ino) if usable else None
