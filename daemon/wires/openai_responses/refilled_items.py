"""Items of an answer that passes through whose last word is empty: they say what their pieces said.

Some relays write ``output_item.done`` without the text, or the arguments, that the deltas had (CliRelay#1053). Clients
show the deltas and keep the item: Codex would run a call without arguments, and forget what was said.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Raw, Struct

from daemon.wires.call_arguments import NO_ARGUMENTS, lacks_arguments
from daemon.wires.json import LenientDecoder, changed, fields_of, is_object

MOST_REFILLED: Final = 1024 * 1024
"""Bytes that are kept of an item. A longer one stays as it comes: what keeps nothing may have any length."""
PIECES: Final = frozenset(
    {
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    }
)
"""Events that bring a piece of an item, in ``delta``."""

_PART: Final = Raw(b'{"type":"output_text","annotations":[]}')
_TEXT: Final = re.compile(rb'"(?:text|refusal)" ?: ?"[^"]')


class _Item(Struct):
    type: str = ""
    content: list[Raw] | None = None


_item = LenientDecoder(_Item).decode


def quoted(said: bytearray) -> Raw:
    """The text that stands in JSON between the quotes."""
    return Raw(b"".join((b'"', said, b'"')))


def refilled(item: Raw, said: bytearray | None) -> Raw:
    """The item with what its pieces ``said``, as it stands in JSON, where it says nothing itself; a function's call
    without any arguments with ``{}``."""
    if not said and b'"function_call"' not in bytes(item):
        return item
    kind = _item(item)
    written = quoted(said) if said else None
    match kind.type:
        case "function_call" if lacks_arguments(fields_of(item).get("arguments")):
            return Raw(changed(item, arguments=NO_ARGUMENTS if written is None else written))
        case "custom_tool_call" if written and bytes(fields_of(item).get("input", b"null")) in (b"null", b'""'):
            return Raw(changed(item, input=written))
        case "message" if written and len(kind.content or ()) < 2 and not _TEXT.search(bytes(item)):
            part = kind.content[0] if kind.content and is_object(kind.content[0]) else _PART
            return Raw(changed(item, content=[Raw(changed(part, text=written))]))
        case _:
            return item
