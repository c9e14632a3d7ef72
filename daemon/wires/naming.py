"""Names and ids that an upstream limits in length: shortened on the way up, restored on the way down.

The rules are the seed system's, so that a conversation begun there goes on here: an id keeps its
head and gets a hash, a tool name keeps its last ``mcp__server__tool`` segment where that fits.
Both are deterministic, so the same call has the same id in every later request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

_HASH_DIGITS = 16
_OUTSIDE_PATTERN = re.compile(r"[^a-zA-Z0-9_-]")
"""OpenAI refuses tool names outside this alphabet ("string does not match pattern")."""


def shorten_id(identifier: str, limit: int = 64) -> str:
    """``identifier`` itself when it fits, else its first characters, ``_`` and 16 hex digits of its SHA-256."""
    if len(identifier) <= limit:
        return identifier
    digest = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    return f"{identifier[: limit - _HASH_DIGITS - 1]}_{digest}"


def shorten_names(names: Iterable[str], limit: int = 64) -> dict[str, str]:
    """Original name to the name sent, for those names alone that must change (``get(name, name)``).

    A name is cut to ``mcp__`` and its last ``__`` segment if it is an MCP tool's and that fits, else
    to its first ``limit`` characters; characters that OpenAI refuses become ``_``. Two names never
    become one: the later gets ``_1``, ``_2`` …
    """
    distinct = dict.fromkeys(names)
    if all(0 < len(name) <= limit for name in distinct) and not _OUTSIDE_PATTERN.search("".join(distinct)):
        return {}
    misfits = [name for name in distinct if not 0 < len(name) <= limit or _OUTSIDE_PATTERN.search(name)]
    in_use = distinct.keys() - set(misfits)
    changed: dict[str, str] = {}
    for name in misfits:
        short = _unique(_fit(name, limit), in_use, limit)
        in_use.add(short)
        changed[name] = short
    return changed


def _fit(name: str, limit: int) -> str:
    clean = _OUTSIDE_PATTERN.sub("_", name) or "_"
    if len(clean) <= limit:
        return clean
    if clean.startswith("mcp__"):
        tail = "mcp__" + clean.rsplit("__", 1)[-1]
        if len("mcp__") < len(tail) <= limit:
            return tail
    return clean[:limit]


def _unique(name: str, in_use: set[str], limit: int) -> str:
    candidate, number = name, 0
    while candidate in in_use:
        number += 1
        suffix = f"_{number}"
        candidate = name[: limit - len(suffix)] + suffix
    return candidate
