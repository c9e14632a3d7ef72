"""The messages of a request's body as objects whose fields keep their bytes: what the changes of a request share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.wires.base import Fields
from daemon.wires.json import NOT_JSON, NULL, RawObject, encode, fields_of, first_byte, items_of, string_of

Messages = list[RawObject]

SYSTEM: Final = frozenset({"system", "developer"})
RESULTS: Final = frozenset({"tool", "function"})

_ROLES: Final = {b'"%b"' % role.encode(): role for role in ("user", "assistant", *SYSTEM, *RESULTS)}
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})


class _Part(Struct, gc=False):
    type: str = ""
    text: str | None = None


_parts = msgspec.json.Decoder(list[_Part]).decode


def change_messages(fields: Fields, change: Callable[[Messages], Messages]) -> None:
    """``change`` gives back the messages, the same objects where it changes nothing in them. A body in which nothing is
    changed keeps its bytes, white space too: otherwise the same request would look like another one."""
    before = messages_of(fields)
    if before and (after := change(list(before))) != before:
        fields["messages"] = Raw(encode(after))


def messages_of(fields: Fields) -> Messages:
    """The messages; none where they are no list of objects."""
    try:
        return [fields_of(raw) for raw in items_of(fields.get("messages", NULL))]
    except NOT_JSON:
        return []


def text_message(role: str, text: str) -> RawObject:
    return {"role": raw_text(role), "content": raw_text(text)}


def raw_text(text: str) -> Raw:
    return Raw(encode(text))


def role_of(message: RawObject) -> str:
    """'' for a role that nobody knows."""
    return _ROLES.get(bytes(message.get("role", NULL)), "")


def content_of(message: RawObject) -> Raw:
    """``null`` where there is none."""
    return message.get("content", NULL)


def has_calls(message: RawObject) -> bool:
    if "tool_calls" in message and bytes(message["tool_calls"]) not in (b"null", b"[]"):
        return True
    return "function_call" in message


def only_text(content: Raw) -> str | None:
    """The text of a content that holds nothing else; '' where it is null."""
    if content == NULL:
        return ""
    if first_byte(content) == b'"':
        return string_of(content)
    try:
        parts = _parts(content)
    except NOT_JSON:
        return None
    if any(part.type not in _TEXT_PARTS for part in parts):
        return None
    return joined([part.text or "" for part in parts])


def joined(texts: Sequence[str]) -> str:
    """What makes several texts one, as the encoder does it."""
    return "\n\n".join(text for text in texts if text)


def together(first: Raw, second: Raw) -> Raw:
    """Two contents as one: a string where both are text."""
    texts = only_text(first), only_text(second)
    if texts[0] is not None and texts[1] is not None:
        return raw_text(joined([texts[0], texts[1]]))
    return Raw(encode([*parts_of(first), *parts_of(second)]))


def parts_of(content: Raw) -> list[Raw]:
    """A content as the list that it may be as well."""
    if first_byte(content) == b"[":
        return items_of(content)
    text = string_of(content)
    return [Raw(encode({"type": "text", "text": text}))] if text else []
