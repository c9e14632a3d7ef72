"""Saving config.yaml from a command: all of it or nothing, owner and mode kept, symbolic links followed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class SaveRefused(Exception):
    """The file cannot be replaced; one line says why. Nothing was changed."""


def save(path: Path, before: bytes, after: bytes) -> None:
    """Replaces the file, which must still hold ``before`` (b"": it must not be there). Raises SaveRefused."""
    real = Path(os.path.realpath(path))
    try:
        status = real.stat() if real.exists() else None
        if (real.read_bytes() if status else b"") != before:
            raise SaveRefused("the file was changed meanwhile; try again")
        if status is not None and status.st_nlink > 1:
            raise SaveRefused("the file has hard links, which a replacement would part")
        _replace(real, after, status)
    except OSError as error:
        raise SaveRefused(f"it cannot be replaced: {(error.strerror or '').lower()}") from error


def _replace(path: Path, data: bytes, status: os.stat_result | None) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            if status is not None:
                os.fchown(descriptor, status.st_uid, status.st_gid)
                os.fchmod(descriptor, status.st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
