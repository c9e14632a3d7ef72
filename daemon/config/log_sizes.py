"""``logging.rotation`` is a size (``20 MB``, ``512KiB``, bytes) or ``never``, ``logging.retention`` how many old files
stay (``10 files``) or for how long (``14 days``). The rules check them, the log takes the numbers."""

from __future__ import annotations

import re

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_RETENTION = re.compile(r"\s*(\d+)\s*(files?|days?|weeks?)?\s*")
_DAY = 86_400.0
NEVER = 2**63
"""Bytes, more than any file has: where something else rotates the file."""


def size(text: str) -> int | None:
    """``20 MB`` -> 20000000; None where it is no size above zero."""
    if text.strip().lower() == "never":
        return NEVER
    match = _SIZE.fullmatch(text.lower())
    if match is None or match[2] not in _UNITS:
        return None
    return int(float(match[1]) * _UNITS[match[2]]) or None


def retention(text: str) -> tuple[int | None, float | None] | None:
    """(files, seconds): ``10 files`` -> (10, None); ``14 days`` -> (None, 1209600.0); None where it is neither."""
    match = _RETENTION.fullmatch(text.lower())
    if match is None:
        return None
    count, unit = int(match[1]), match[2] or "files"
    if unit.startswith("file"):
        return count, None
    return None, count * _DAY * (7 if unit.startswith("week") else 1)
