"""JSON that is kept as it came, because nobody here reads it, or not all of it."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

RawObject = dict[str, Raw]

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for what is no JSON, or not the JSON that was asked for. Nesting deeper than the stack
counts as none: nobody sends it in earnest."""


class _Typed(Struct):
    type: str | None = None


_typed = msgspec.json.Decoder(_Typed)
_any = msgspec.json.Decoder(Raw)


def check_utf8(body: bytes) -> None:
    """Raises ``UnicodeDecodeError``. What stays raw is passed on unread: it must not smuggle what is no UTF-8."""
    if not body.isascii():
        body.decode()


def is_json(text: bytes | str) -> bool:
    """Whether it is one whole JSON value."""
    try:
        _any.decode(text)
    except NOT_JSON:
        return False
    return True


def kept(raw: Raw | UnsetType) -> Raw | None:
    """A copy of a field that was sent, and not as ``null``; it does not keep the whole body in memory."""
    if raw is UNSET or bytes(raw) == b"null":
        return None
    return Raw(bytes(raw))


def type_of(raw: Raw) -> str:
    """The ``type`` of an object; empty for anything that has none."""
    try:
        return _typed.decode(raw).type or ""
    except NOT_JSON:
        return ""
