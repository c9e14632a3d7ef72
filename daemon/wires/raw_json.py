"""JSON that is kept as it came, because nobody here reads it."""

from __future__ import annotations

from msgspec import UNSET, Raw, UnsetType

RawObject = dict[str, Raw]


def check_utf8(body: bytes) -> None:
    """Raises ``UnicodeDecodeError``. What stays raw is passed on unread: it must not smuggle what is no UTF-8."""
    if not body.isascii():
        body.decode()


def kept(raw: Raw | UnsetType) -> Raw | None:
    """A copy of a field that was sent, and not as ``null``; it does not keep the whole body in memory."""
    if raw is UNSET or bytes(raw) == b"null":
        return None
    return Raw(bytes(raw))
