"""TOML and JSON of other programs: the data, or the place and the reason why there is none.

The parsers' own words may quote a part of the text, which may be a key. ``Unparsable`` has words of ours only.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Final

from daemon.config.lookalikes import Place, foreign_character

_AT: Final = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_TOML_REASONS: Final = (
    ("Invalid value", "a value is missing, or it is text without quotes", 'write text in quotes: key = "text"'),
    ("Cannot overwrite", "this key is there already", "remove one of the two"),
    ("Cannot declare", "this table is there already", "remove one of the two headers"),
    ("Cannot mutate", "this table is written inline above", "write its keys there"),
    ("Duplicate inline", "a key appears twice in an inline table", "remove one of the two"),
    ("Illegal character '\\n'", "the quote of this line is not closed", "close it on the same line"),
    ("Illegal character", "a control character", "remove it"),
    ("Unescaped", "a backslash that begins no escape", "write it twice, or use single quotes"),
    ("Expected newline", "something follows a value that is complete", "write one key = value in each line"),
    ("Expected '='", "a key without = and a value", "write key = value"),
    ("Expected ']'", "a bracket is not closed", "close it"),
    ("Expected", "a quote or bracket is not closed", "close it"),
    ("Invalid initial", "a key is missing, or it has a character that needs quotes", "write it in quotes"),
    ("Invalid statement", "neither a key nor a table begins here", "write key = value, or # before a comment"),
    ("Unclosed", "an array is not closed", "close it with ]"),
    ("Invalid date", "a date or time that is none", "put it in quotes"),
)
"""How tomllib's messages begin, what is wrong, and what to do."""
_JSON_REASONS: Final = (
    ("Expecting property name", "a key in double quotes is expected", "look for a comma too many, or a key without"),
    ("Expecting value", "a value is missing", "write one, or remove the comma before it"),
    ("Expecting ':'", "a colon is missing after a key", "write one"),
    ("Expecting ','", "a comma or a closing bracket is missing", "write it"),
    ("Extra data", "something follows after the end", "remove it"),
    ("Invalid control", "a line break or control character in a string", "close the string, or write \\n"),
    ("Invalid \\", "a backslash that begins no escape", "write it twice"),
    ("Unterminated", "a string is not closed", 'close it with "'),
)
"""The same of json's."""


class Unparsable(Exception):
    """``line`` and ``column`` count from 1. As text: ``3:12: what is wrong (what to do)``."""

    def __init__(self, reason: str, hint: str, place: Place) -> None:
        self.reason = reason
        self.hint = hint
        self.line, self.column = place
        super().__init__(f"{self.line}:{self.column}: {reason} ({hint})")


def decoded(raw: bytes) -> str:
    """As text, without a byte order mark. Raises Unparsable."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = place_of(raw[: error.start].decode("utf-8", "replace"))
        raise Unparsable("not UTF-8 text", "save it as UTF-8", place) from None


def toml_data(text: str) -> dict[str, object]:
    """Raises Unparsable."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT.match(str(error))
        message = match[1] if match else str(error)
        place = (int(match[2]), int(match[3])) if match and match[2] else place_of(text.rstrip())
        raise _explained(_TOML_REASONS, message, place, text) from None
    except RecursionError:
        raise Unparsable("too many brackets inside each other", "flatten it", (1, 1)) from None


def json_data(text: str) -> object:
    """Raises Unparsable."""
    if not text.strip():
        raise Unparsable("the file is empty", "write {} for no settings", (1, 1))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _explained(_JSON_REASONS, error.msg, (error.lineno, error.colno), text) from None
    except RecursionError:
        raise Unparsable("too many brackets inside each other", "flatten it", (1, 1)) from None


def place_of(before: str) -> Place:
    """The place right behind this text."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _explained(reasons: tuple[tuple[str, str, str], ...], message: str, place: Place, text: str) -> Unparsable:
    """A character that only looks like one of the syntax is named, where it stands."""
    if found := foreign_character(text, place):
        where, hint = found
        return Unparsable("not valid", hint, where)
    for begins, reason, hint in reasons:
        if message.startswith(begins):
            return Unparsable(reason, hint, place)
    return Unparsable("not valid", "check the quotes and brackets here and in the line above", place)
