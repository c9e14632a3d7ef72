"""The statements of a TOML text that is valid, each with its place. tomllib keeps no places.

Since the text has been parsed, only as much of the grammar is here as it takes to see where statements end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

_BLANK: Final = re.compile(r"[ \t]*")
_SKIP: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY: Final = re.compile(
    r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
    r"""(?:[ \t]*\.[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))*"""
)
_TEXT: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'", re.DOTALL)
_BARE: Final = re.compile(r"[^\s,\[\]{}#\"']+(?: [0-9][^\s,\[\]{}#\"']*)?")
_REST: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)")


class TomlStatement(Struct, frozen=True):
    """``path`` in full, the table's included. ``start`` and ``end`` are those of its lines, the line end included;
    ``value_start`` and ``value_end`` of a header are the name in its brackets."""

    kind: Literal["key", "table", "tables"]
    path: tuple[str, ...]
    table: tuple[str, ...]
    """The table that its header opened, or that it stands in."""
    start: int
    value_start: int
    value_end: int
    end: int


def statements(text: str) -> Iterator[TomlStatement]:
    """In the order of the text, which tomllib has read."""
    at = _skipped(text, 0)
    table: tuple[str, ...] = ()
    while at < len(text):
        statement = _header(text, at) if text[at] == "[" else _key_value(text, at, table)
        table = statement.table
        yield statement
        at = _skipped(text, statement.end)


def _header(text: str, at: int) -> TomlStatement:
    brackets = 2 if text.startswith("[[", at) else 1
    start = _blank(text, at + brackets)
    path, end = _key(text, start)
    rest = _REST.match(text, _blank(text, end) + brackets)
    assert rest is not None
    kind: Literal["table", "tables"] = "table" if brackets == 1 else "tables"
    return TomlStatement(kind, path, path, _line_start(text, at), start, end, rest.end())


def _key_value(text: str, at: int, table: tuple[str, ...]) -> TomlStatement:
    path, end = _key(text, at)
    start = _blank(text, _blank(text, end) + 1)
    value_end = _value_end(text, start)
    rest = _REST.match(text, value_end)
    assert rest is not None
    return TomlStatement("key", (*table, *path), table, _line_start(text, at), start, value_end, rest.end())


def _key(text: str, at: int) -> tuple[tuple[str, ...], int]:
    match = _KEY.match(text, at)
    assert match is not None
    data: object = tomllib.loads(f"{match[0]} = 0")
    path = []
    while isinstance(data, dict):
        ((key, data),) = data.items()
        path.append(key)
    return tuple(path), match.end()


def _value_end(text: str, at: int) -> int:
    """Brackets are counted; texts are stepped over."""
    depth = 0
    while True:
        if text[at] in "[{":
            depth, at = depth + 1, at + 1
        elif text[at] in "]}":
            depth, at = depth - 1, at + 1
        elif text[at] == ",":
            at += 1
        else:
            match = _TEXT.match(text, at) or _KEY.match(text, at) if depth and _is_key(text, at) else None
            match = match or _TEXT.match(text, at) or _BARE.match(text, at)
            assert match is not None
            at = match.end()
        if not depth:
            return at
        at = _skipped(text, at)
        if text[at] == "=":
            at = _skipped(text, at + 1)


def _is_key(text: str, at: int) -> bool:
    match = _KEY.match(text, at)
    return match is not None and text.startswith("=", _blank(text, match.end()))


def _skipped(text: str, at: int) -> int:
    match = _SKIP.match(text, at)
    return match.end() if match else at


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1
