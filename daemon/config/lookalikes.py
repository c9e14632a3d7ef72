"""Characters that look like YAML's own and are not: a full-width colon, blanks that are no spaces.

They come from input methods and web pages. YAML reads them as text, so that its error is about a later line, or the
key is an unknown one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

Place = tuple[int, int]
COLON: Final = "\uff1a"
COLON_HINT: Final = f"the colon is a full-width one ({COLON}): write : and a space"
_INVISIBLE: Final = "\u00a0\u1680\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff"
_BLANK: Final = re.compile(f"[{_INVISIBLE}]")
_IN_INDENTATION: Final = re.compile(f"[ \t]*(?:- *)?([{_INVISIBLE}])")
_KEY_WITH_COLON: Final = re.compile(f"\\s*(?:- +)*[^\\s#'\"{COLON}:]+{COLON}")
_REFERENCE: Final = re.compile(r":\s+(env|file|credential):(?:\s|$)")
_LINES_BEFORE: Final = 3
"""How far above the error the cause may be."""


def cause_near(text: str, line: int) -> tuple[Place, str] | None:
    """The place and the hint of a lookalike that may have caused a YAML error at ``line`` (from 1)."""
    lines = text.splitlines()[:line]
    for number in range(len(lines), max(len(lines) - _LINES_BEFORE, 1) - 1, -1):
        written = lines[number - 1]
        if match := _KEY_WITH_COLON.match(written):
            return (number, match.end()), COLON_HINT
        if match := _IN_INDENTATION.match(written):
            return (number, match.start(1) + 1), blank_hint(match[1])
        if number == len(lines) and (match := _REFERENCE.search(written)):
            return (number, match.start(1) + 1), f"write {match[1]}:NAME without a space behind the colon"
    return None


def lookalike_hint(value: object) -> str:
    """Why a value may be of the wrong type: its text has such a colon in it, or one of its keys such a blank."""
    if isinstance(value, dict):
        return next((hint for key in value if (hint := blank_hint(key))), "")
    return COLON_HINT if isinstance(value, str) and COLON in value else ""


def blank_hint(text: str) -> str:
    """What is wrong with a key that has such a blank in it; empty if it has none."""
    match = _BLANK.search(text)
    if match is None:
        return ""
    name = unicodedata.name(match[0], "an invisible character").lower()
    return f"it has an invisible character (U+{ord(match[0]):04X}, {name}): indent with ordinary spaces"
