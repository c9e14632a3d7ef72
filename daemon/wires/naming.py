"""Names and ids that an upstream limits in length: shortened on the way up, restored on the way down.

The rules are the seed system's, so that a conversation begun there goes on here: an id keeps its
head and gets a hash, a tool name keeps its last ``mcp__server__tool`` segment where that fits.
Both are deterministic, so the same call has the same id in every later request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from string import ascii_letters, digits

_HASH_DIGITS = 16
_ALPHABET = ascii_letters + digits
_EXACT = re.compile(r"(?<!maximum )length of (\d{1,2})\b", re.IGNORECASE)
_LONGEST = re.compile(r"(?:maximum length|at most)\D{0,8}(\d{2,3})", re.IGNORECASE)
_OUTSIDE_PATTERN = re.compile(r"[^a-zA-Z0-9_-]")
"""OpenAI refuses tool names outside this alphabet ("string does not match pattern")."""


_LONGEST_KEPT = 256
"""Characters of what is remembered: clients choose the ids, and upstreams word the forms."""


def shorten_id(identifier: str, limit: int = 64) -> str:
    """``identifier`` itself when it fits, else its first characters, ``_`` and 16 hex digits of its SHA-256."""
    if len(identifier) <= limit:
        return identifier
    digest = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    return f"{identifier[: limit - _HASH_DIGITS - 1]}_{digest}"


def fitted_id(identifier: str, form: str) -> str:
    """``identifier`` itself when it has the ``form``, else another that has it, the same each time.

    Forms, as servers word them: ``length of 9`` (letters and digits, so many; Mistral), ``maximum length 40``,
    ``^[a-zA-Z0-9_-]+$`` or ``letters, numbers, underscores``, and any other word is how ids begin (``call_``).
    """
    short = len(identifier) <= _LONGEST_KEPT and len(form) <= _LONGEST_KEPT
    return (_fitted if short else _fitted.__wrapped__)(identifier, form)


@lru_cache(maxsize=4096)
def _fitted(identifier: str, form: str) -> str:
    if size := _EXACT.search(form):
        length = int(size[1])
        fits = len(identifier) == length and identifier.isascii() and identifier.isalnum()
        return identifier if fits else _digits(identifier, length)
    if size := _LONGEST.search(form):
        return shorten_id(identifier, max(int(size[1]), _HASH_DIGITS + 2))
    if form.startswith("^") or "underscores" in form:
        clean = _OUTSIDE_PATTERN.sub("_", identifier)
        return clean if clean == identifier else f"{clean[:40]}_{_digits(identifier, 8)}"
    return identifier if identifier.startswith(form) else f"{form}{_digits(identifier, 24)}"


def _digits(identifier: str, length: int) -> str:
    """So many letters and digits of its hash."""
    number = int.from_bytes(sha256(identifier.encode("utf-8", "surrogatepass")).digest())
    found = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        found.append(_ALPHABET[digit])
    return "".join(found)


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
