"""References: a string of config.yaml that stands for a text kept elsewhere.

``env:NAME``, ``file:/path`` and ``credential:NAME`` (systemd). This package is pure, so the text
comes from a ``Resolve`` function that is passed in (``sources.references.resolver``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Resolve = Callable[[str], str]
"""A reference as written -> its text. Raises ``UnresolvedReference``."""

SCHEMES = ("env:", "file:", "credential:")


class UnresolvedReference(Exception):
    """The reference cannot be resolved. ``message`` says what is missing, ``hint`` what to do; neither has a secret."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def is_reference(text: str) -> bool:
    return text.startswith(SCHEMES)


def reference_at(data: object, *keys: str) -> str:
    """The reference that the data of a file has at this place, as written; '' where it has none. What it stands for is
    not shown: this is."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, str) and is_reference(data) else ""


def watched_name(reference: str) -> str | None:
    """What the source has to watch for this reference: the path of ``file:``, a ``credential:NAME`` whole."""
    if reference.startswith("file:"):
        return reference.removeprefix("file:")
    return reference if reference.startswith("credential:") else None
