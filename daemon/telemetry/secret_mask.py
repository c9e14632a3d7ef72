"""The last line of defence: known secrets are blotted out of finished log lines.

Secrets are a type and are not logged in the first place; this catches the text that reaches a log
by a way nobody thought of (an upstream that echoes the key it was sent).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from daemon.secret import MASK, Secret
from daemon.telemetry.log_lines import escape

MIN_LENGTH = 8
"""Shorter secrets are not masked: they would blot out ordinary words."""

_HEAD = 3


class SecretMask:
    """Keys of one kind begin alike (``sk-``), so texts are grouped by their first characters and a
    line without such a beginning costs one search, also with thousands of keys."""

    def __init__(self) -> None:
        self._latest: frozenset[str] = frozenset()
        self._groups: Mapping[str, tuple[str, ...]] = {}

    def register(self, secrets: Iterable[Secret]) -> None:
        """``secrets`` are all that are in force; those of the call before stay known, because
        requests that began with them may still fail."""
        latest = frozenset(form for secret in secrets for form in _forms(secret.reveal()))
        groups: dict[str, list[str]] = defaultdict(list)
        for text in sorted(latest | self._latest, key=len, reverse=True):
            groups[text[:_HEAD]].append(text)
        self._groups = {head: tuple(texts) for head, texts in groups.items()}
        self._latest = latest

    def __call__(self, text: str) -> str:
        for head, secrets in self._groups.items():
            if head in text:
                for secret in secrets:
                    text = text.replace(secret, MASK)
        return text


def _forms(text: str) -> tuple[str, ...]:
    """As it is, as a quoted field of a text line shows it, and as it looks inside a JSON string."""
    if len(text) < MIN_LENGTH:
        return ()
    quoted = escape(text).replace('"', "'")
    try:
        return (text, quoted, msgspec.json.encode(text)[1:-1].decode())
    except UnicodeError:
        return (text, quoted)
