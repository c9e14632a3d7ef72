"""A secret is a type: it prints as ``***`` everywhere, and only ``reveal()`` gives the text.

``reveal()`` is called where the text itself is needed: the header to the upstream, the stable-ID hash, checking a
client's or operator's key, rules about a key's form, masking log lines, and ``tppcd migrate``. Equality compares
digests in constant time, so two secrets may be compared in a diff.
"""

from __future__ import annotations

import hashlib
import hmac
import re

MASK = "***"

SHORT = 8
"""Characters: a secret of fewer is looked for as a whole word only (``daemon.masks``)."""

_KEY_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"  # no \b: a Chinese character before it is a letter, too
    r"(?P<shape>sk-|sess-|xai-|rk-|cr_|gsk_|AIza)[A-Za-z0-9_*.+/=-]{3,}[A-Za-z0-9_*=]"
    r"|(?P<lead>Bearer\s+|(?:(?:api[-_ ]?)?key|token)s?[\"']?\s*(?:provided|is)?\s*[:=：(\[]?\s*[\"'`]?)"
    r"(?P<token>[A-Za-z0-9+/_.~-]{20,}={0,2}))"
    r"|(?P<cn>(?:密钥|令牌)\s*[:=：(\[（]?\s*)[A-Za-z0-9+/_.~-]{20,}={0,2}",
    re.IGNORECASE,
)


def mask_keys(text: str) -> str:
    """``text`` with everything that looks like a key replaced: ``sk-…``, what follows ``Bearer``, and a long
    token after the word "key" or "token". Upstreams quote the key they refuse, and not only ours."""
    return _KEY_SHAPES.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    token = match["token"]
    if token is not None and token.islower() and not any(each.isdigit() for each in token):
        return match[0]  # a long word, such as a parameter's name
    return f"{match['shape'] or match['lead'] or match['cn']}{MASK}"


class Secret:
    """A key, password or token. Falsy when empty; hashable; never rendered."""

    __slots__ = ("_digest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    @property
    def known_text(self) -> str:
        """The text as far as it is in memory: one that opens itself when it is revealed has none before."""
        return self._text

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
