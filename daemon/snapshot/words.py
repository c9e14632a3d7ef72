"""How the change summary says a value, and what became of a secret: whether there was one, and is one now."""

from __future__ import annotations

from daemon.config.document import looks_secret
from daemon.secret import Secret

LONGEST_TEXT = 80


def plain(value: object) -> str:
    match value:
        case None:
            return "<none>"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:.12g}"
        case tuple():
            return ", ".join(shown_text(str(item)) for item in value) or "<none>"
    return shown_text(str(value))


def secret_change(before: Secret, after: Secret) -> str:
    return "set" if not before else "removed" if not after else "updated"


def keys_change(before: object, after: object) -> str:
    """One key, or a list of at least two, on either side."""
    old, new = (len(each) if isinstance(each, tuple) else int(bool(each)) for each in (before, after))
    if not old or not new:
        return "removed" if old else "set" if new == 1 else f"set ({new} keys)"
    return "updated" if old == new else f"updated ({old} -> {new} keys)"


def key_count(before: int, after: int) -> str:
    if not before or not after:
        return f"set ({after})" if after else "removed"
    return f"updated ({before} -> {after})"


def shown_text(text: str) -> str:
    if looks_secret(text):
        return "<redacted>"
    if len(text) > LONGEST_TEXT:
        return f"{text[:LONGEST_TEXT]}…"
    return text or "<none>"
