"""A secret is a type: it prints as ``***`` everywhere, and only ``reveal()`` gives the text.

Only adapters (the header to the upstream), the stable-ID hash and the client-key check call
``reveal()``. Equality compares digests in constant time, so two secrets may be compared in a diff.
"""

from __future__ import annotations

import hashlib
import hmac

MASK = "***"


class Secret:
    """A key, password or token. Falsy when empty; hashable; never rendered."""

    __slots__ = ("_digest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    def reveal(self) -> str:
        """The text itself, for the wire and the ID hash only."""
        return self._text

    def masked_in(self, text: str) -> str:
        """``text`` with every occurrence of the secret replaced by ``***``."""
        return text.replace(self._text, MASK) if self._text else text

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: for comparing and for the revision, never shown."""
        return self._digest

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._digest, other._digest)

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")
