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


def with_utf8(body: bytes) -> bytes:
    """The same where it is UTF-8; else with what is none replaced, as browsers and Node do."""
    try:
        check_utf8(body)
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body


def is_json(text: bytes | str) -> bool:
    """Whether it is one whole JSON value."""
    try:
        _any.decode(text)
    except NOT_JSON:
        return False
    return True


def json_text(value: object) -> str | None:
    """A call's arguments as text: JSON that is not in a string yet is written as it would stand there."""
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def is_object(raw: Raw) -> bool:
    """Whether a field that stays raw is an object."""
    return bytes(memoryview(raw)[:1]) == b"{"


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
