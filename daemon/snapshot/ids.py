"""Stable IDs: the one place where identity is spelled, byte for byte as in the seed system.

An ID names what a credential is (key and base URL, as written, trimmed), not how it is used: headers,
weight or models may change without a new ID, so live state and dashboards carry over.
"""

from __future__ import annotations

import hashlib

from daemon.config.provider import lower_name


def short(kind: str, *parts: str) -> str:
    """First 12 hex digits of SHA-256 over ``kind``, then for each part a NUL byte and the trimmed part."""
    text = "\0".join((kind, *(part.strip() for part in parts)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def core_auth_id(name: str | None, *, api_key: str, base_url: str) -> str:
    """The ID of a core auth. ``name`` is that of a tppc provider, None for packycode."""
    kind = "packycode:codex" if name is None else f"tppc:{lower_name(name)}"
    return f"{kind}:{short(kind, api_key, base_url)}"


def client_id(name: str | None, *, api_key: str, base_url: str) -> str:
    """The name under which a core auth registers its models; here a tppc name keeps its case."""
    if name is None:
        return f"packycode:models:{short('packycode:models', base_url, api_key)}"
    return f"tppc:models:{short('tppc:models', name, base_url, api_key)}"


class Unique:
    """Gives the second taker of an ID ``-1``, the third ``-2``: stable as long as the file's order is."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        count = self._taken.get(wanted, 0)
        self._taken[wanted] = count + 1
        return f"{wanted}-{count}" if count else wanted
