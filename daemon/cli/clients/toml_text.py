"""Editing TOML: a key's line is put in, changed or taken out, every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from daemon.cli.clients.file_text import NotChangeable, Path, Raw
from daemon.cli.clients.toml_scanner import TomlStatement, statements
from daemon.config.foreign_text import place_of, toml_data

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class TomlText:
    def data(self, text: str) -> Mapping[str, object]:
        return toml_data(text)

    def raw(self, text: str, path: Path) -> Raw | None:
        statement = _key_of(_read(text), path)
        return text[statement.value_start : statement.value_end] if statement else None

    def encode(self, value: object) -> Raw:
        """Text, true or false, or a whole number."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        return '"' + "".join(_escaped(each) for each in str(value)) + '"'

    def put(self, text: str, path: Path, raw: Raw) -> str:
        read = _read(text)
        if statement := _key_of(read, path):
            return text[: statement.value_start] + raw + text[statement.value_end :]
        for each in read:
            if each.path == path[: len(each.path)] and each.kind != "table":
                line, column = place_of(text[: each.value_start])
                what = "an inline table" if each.kind == "key" else "a list of tables"
                name, wanted = ".".join(each.path), ".".join(path[:-1])
                raise NotChangeable(f"{line}:{column}: {name} is {what}; write its entries as [{wanted}] and so on")
        at, before, key = _slot(text, read, path)
        eol = "\r\n" if "\r\n" in text else "\n"
        if at and text[at - 1] != "\n":
            before = ["", *before]
        after = ["", ""] if at == 0 and text.strip() else [""]
        return text[:at] + eol.join([*before, f"{_key_text(key)} = {raw}", *after]) + text[at:]

    def remove(self, text: str, path: Path) -> str:
        """A header goes with the keys below it, and with the empty line above it."""
        read = _read(text)
        inside = [each for each in read if each.path[: len(path)] == path]
        for each in reversed(inside):
            start = each.start
            if each.kind != "key" and (match := re.search(r"(?:^|\n)(\r?\n)$", text[:start])):
                start = match.start(1)
            text = text[:start] + text[each.end :]
        return text


def _read(text: str) -> list[TomlStatement]:
    toml_data(text)
    return list(statements(text))


def _key_of(read: list[TomlStatement], path: Path) -> TomlStatement | None:
    return next((each for each in read if each.path == path and each.kind == "key"), None)


def _slot(text: str, read: list[TomlStatement], path: Path) -> tuple[int, list[str], Path]:
    """Where the new line begins, the lines before it, and the key in full or below its header."""
    table = path[:-1]
    siblings = [each for each in read if each.kind == "key" and each.path[:-1] == table]
    if siblings:  # also those with dots in their names
        last = siblings[-1]
        return last.end, [], path[len(last.table) :]
    header = next((each for each in read if each.kind == "table" and each.path == table), None)
    if header:
        return header.end, [], path[-1:]
    if table:
        blank = not text.strip() or re.search(r"\n[ \t]*\r?\n$", text)
        return len(text), [*([] if blank else [""]), f"[{_key_text(table)}]"], path[-1:]
    first = next((each for each in read if each.kind != "key"), None)
    top = [each for each in read if each.kind == "key" and not each.table]
    if top:
        return top[-1].end, [], path
    if first is None:
        return len(text), [], path
    return 0, [], path


def _key_text(path: Path) -> str:
    return ".".join(each if _BARE_KEY.fullmatch(each) else TomlText().encode(each) for each in path)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\u{ord(character):04x}" if character < " " or character == "\x7f" else character
