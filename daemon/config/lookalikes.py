"""Characters that look like those of a syntax and are not: full-width and typographic punctuation, odd blanks.

They come from input methods and web pages. YAML, TOML and JSON read them as text, so that the parser's error is about
a later place, or the key is an unknown one. Here each is named, where it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

Place = tuple[int, int]
COLON: Final = "\uff1a"
COLON_HINT: Final = f"the colon is a full-width one ({COLON}): write : and a space"
NO_SPACE_HINT: Final = "a list item needs a space behind its dash"
ASCII_FOR: Final = {
    ":": "\uff1a\ufe55\u2236\ua789\ufe13",
    ",": "\uff0c\u3001\ufe50\ufe10\u201a",
    '"': "\u201c\u201d\u201e\u201f\u2033\uff02\u300c\u300d\u300e\u300f\u00ab\u00bb",
    "'": "\u2018\u2019\u201b\u2032\uff07",
    "[": "\uff3b\u3010\u3014\u27e6",
    "]": "\uff3d\u3011\u3015\u27e7",
    "{": "\uff5b\ufe5b",
    "}": "\uff5d\ufe5c",
    "(": "\uff08",
    ")": "\uff09",
    "#": "\uff03\ufe5f",
    "-": "\uff0d\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\ufe58\u2043\u2022\u00b7\u30fb",
    "=": "\uff1d\ufe66",
    "/": "\uff0f\u2044\u2215",
    ".": "\uff0e\u3002\ufe52",
    ";": "\uff1b\ufe54",
    "&": "\uff06",
    "*": "\uff0a",
    "|": "\uff5c",
    ">": "\uff1e",
    "!": "\uff01",
    "@": "\uff20",
    "_": "\uff3f",
    "$": "\uff04",
    "%": "\uff05",
    "?": "\uff1f",
}
"""A character of the syntax -> those that look like it."""
_QUOTES: Final = ASCII_FOR['"'] + ASCII_FOR["'"]
_ASCII: Final = {each: plain for plain, alike in ASCII_FOR.items() for each in alike}
_INVISIBLE: Final = "\u00a0\u00ad\u1680\u180e\u2000-\u200f\u202a-\u202f\u205f-\u2064\u3000\u3164\ufeff"
# Patterns are texts here: ``re`` compiles and keeps each at its first use, and most starts need none.
_BLANK: Final = f"[{_INVISIBLE}]"
_ANY: Final = f"[{_INVISIBLE}{re.escape(''.join(_ASCII))}]"
_IN_INDENTATION: Final = f"[ \t]*(?:- *)?([{_INVISIBLE}])"
_DASH: Final = f"\\s*(?:- +)*([{ASCII_FOR['-']}])(?=\\s|[A-Za-z_][\\w-]*\\s*[:{COLON}])"
_COMMENT: Final = f"\\s*([{ASCII_FOR['#']}])"
_KEY_WITH_COLON: Final = f"\\s*(?:- +)*[^\\s#'\"{COLON}:{{\\[]+\\s*([{ASCII_FOR[':']}])"
_QUOTE: Final = f"\\s*(?:- +)*(?:[^\\s#'\"]+:\\s+)?([{_QUOTES}])"
_CLOSING: Final = f"[\"'][^\"']*([{_QUOTES}])"
"""A quote that a typographic one seems to close."""
_NO_SPACE: Final = r"\s*(-)[A-Za-z_][\w-]*:(?:\s|$)"
_WIDE: Final = "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
_IN_BRACKETS: Final = f"[{re.escape(''.join(ASCII_FOR[each] for each in ',[]{}'))}]"
_BRACKET: Final = f"[\\[\\]{{}}{ASCII_FOR['[']}{ASCII_FOR[']']}{ASCII_FOR['{']}{ASCII_FOR['}']}]"
_QUOTED: Final = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?:^|(?<=\s))#.*"
_REFERENCE: Final = r"(?i):\s+(env|file|credential):(?:\s|$)"
_WIDE_REFERENCE: Final = f"(?i)\\s*(env|file|credential)\\s*{COLON}\\s*(\\S*)"
_VARIABLE: Final = "[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
_LINES_BEFORE: Final = 3
"""How far above the error the cause may be."""


def cause_near(text: str, line: int) -> tuple[Place, str] | None:
    """The place and the hint of a lookalike that may have caused a YAML error at ``line`` (from 1)."""
    lines = text.splitlines()[:line]
    for number in range(len(lines), max(len(lines) - _LINES_BEFORE, 1) - 1, -1):
        written = lines[number - 1]
        if found := _structural(written, at_error=number == line):
            return (number, found[0]), found[1]
        if number == len(lines) and (match := re.search(_REFERENCE, written)):
            return (number, match.start(1) + 1), _reference_hint(match[1], written[match.end(1) + 1 :])
    return None


def _structural(written: str, *, at_error: bool) -> tuple[int, str] | None:
    """The column and the hint of a character of this line that stands where YAML's own would."""
    outside = _without_quoted(written)
    for pattern in (_IN_INDENTATION, _DASH, _COMMENT, _KEY_WITH_COLON, *([_QUOTE] if at_error else ())):
        if match := re.match(pattern, outside):
            return match.start(1) + 1, character_hint(match[1])
    if match := re.match(_NO_SPACE, outside):
        return match.start(1) + 1, NO_SPACE_HINT
    if at_error and (match := re.search(_CLOSING, outside)):
        return match.start(1) + 1, character_hint(match[1])
    if at_error and re.search(_BRACKET, outside) and (match := re.search(_IN_BRACKETS, outside)):
        return match.start() + 1, character_hint(match[0])
    return None


def _reference_hint(scheme: str, rest: str) -> str:
    if not rest.strip() or rest.lstrip().startswith("#"):
        return f"write what comes after {scheme}:, e.g. {scheme.lower()}:{'NAME' if scheme != 'file' else '/path'}"
    return f"write {scheme.lower()}:NAME without a space behind the colon"


def foreign_character(text: str, place: Place) -> tuple[Place, str] | None:
    """The lookalike at an error of TOML or JSON: at its place, else the first one of its line that is not in quotes."""
    line, column = place
    lines = text.split("\n")
    if line > len(lines):
        return None
    written = lines[line - 1]
    at = column - 1 + len(written[column - 1 :]) - len(written[column - 1 :].lstrip(" \t"))
    if at < len(written) and re.match(_ANY, written[at]):
        return (line, at + 1), character_hint(written[at])
    match = re.search(_ANY, _without_quoted(written))
    return ((line, match.start() + 1), character_hint(match[0])) if match else None


def _without_quoted(written: str) -> str:
    """The line with blanks in place of quoted texts and a comment."""
    return re.sub(_QUOTED, lambda match: " " * len(match[0]), written)


def character_hint(character: str) -> str:
    """What it is, and what to write in its place."""
    if character == COLON:
        return COLON_HINT
    plain = _ASCII.get(character)
    if plain is None:
        return blank_hint(character)
    wide = unicodedata.east_asian_width(character) in "FW"
    return f"{character} is {'a full-width character' if wide else 'a typographic character'}: write {plain}"


def lookalike_hint(value: object, *, is_key: bool = False) -> str:
    """Why a value may be of the wrong type: its text has a lookalike in it. ``is_key``: keys are expected there, so a
    colon is meant to end one."""
    if not isinstance(value, str) or value.isascii():
        return ""
    if COLON in value:
        if match := re.match(_WIDE_REFERENCE, value):
            name = match[2] if re.fullmatch(_VARIABLE, match[2]) else "NAME"
            return f"the colon is a full-width one ({COLON}): write {match[1].lower()}:{name}"
        return COLON_HINT if is_key else f"the colon is a full-width one ({COLON}): write :"
    if found := in_value(value):
        return found[1]
    match = re.search(_ANY, value)
    return character_hint(match[0]) if match else ""


def odd_key(mapping: Iterable[str]) -> tuple[str, str] | None:
    """The first key that is none: it has an odd blank, or begins with what was to be a list's dash. And the hint."""
    for key in mapping:
        if hint := blank_hint(key):
            return key, hint
        if key[:1] in ASCII_FOR["-"]:
            return key, character_hint(key[0])
        if re.fullmatch(r"-[A-Za-z_][\w-]*", key):
            return key, NO_SPACE_HINT
    return None


def plain_key(key: str) -> str:
    """The key with ASCII in place of what only looks like it; the key itself where nothing does."""
    text = "".join(_ASCII.get(each, each) for each in re.sub(_BLANK, "", key))
    return unicodedata.normalize("NFKC", text).strip("\"' ")


def in_value(text: str, *, of_list: bool = False) -> tuple[int, str] | None:
    """Where a text that could be meant as it is looks as if it were not, and why: quotes of a word processor around it,
    a comma at its end, a ``#`` that begins no comment, a character that nobody sees. ``of_list``: it is an item of a
    list of names, which have no comma."""
    if (match := re.search(_BLANK, text)) and (match[0] != "\u3000" or text != text.strip("\u3000")):
        return match.start(), blank_hint(match[0])
    if found := _quote_around(text):
        return found
    if text and text[-1] in ASCII_FOR[","] + ASCII_FOR[";"]:
        return len(text) - 1, f"{text[-1]} is a part of the text: remove it"
    if match := re.search(f"\\s([{ASCII_FOR['#']}])", text):
        return match.start(1), f"{match[1]} begins no comment, so it is a part of the text: write #"
    if of_list and (match := re.search(f"[{ASCII_FOR[',']}]", text)):
        return match.start(), f"{match[0]} separates no items, so it is a part of the text: write ,"
    if match := re.search(_WIDE, text):
        plain = unicodedata.normalize("NFKC", text)
        return match.start(), f"it has full-width letters or digits: write {plain if plain.isascii() else 'ASCII'}"
    return None


def _quote_around(text: str) -> tuple[int, str] | None:
    double, single = ASCII_FOR['"'], ASCII_FOR["'"]
    first, last = text[:1], text[-1:]
    if first and (first in double or (first in single and last in single)):
        return 0, f"{first} is a typographic quote, and so a part of the text: write {_ASCII[first]}"
    if last and last in double and not any(each in text[:-1] for each in double):
        return len(text) - 1, f"{last} is a typographic quote, and so a part of the text: remove it"
    return None


def blank_hint(text: str) -> str:
    """What is wrong with a key that has such a blank in it; empty if it has none."""
    match = re.search(_BLANK, text)
    if match is None:
        return ""
    name = unicodedata.name(match[0], "an invisible character").lower()
    return f"it has an invisible character (U+{ord(match[0]):04X}, {name}): write an ordinary space, or remove it"
