"""JSON with comments and commas too many (JSONC), each value with its place in the text.

The settings of Claude Code and opencode are such files. The standard library has no parser that keeps places.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal

from msgspec import Struct

from daemon.config.foreign_text import Unparsable, place_of
from daemon.config.lookalikes import foreign_character

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_DEEPEST: Final = 200


class JsonMember(Struct, frozen=True):
    key: str
    start: int
    """Where the key begins."""
    value: JsonValue


class JsonValue(Struct, frozen=True):
    """``start`` and ``end`` are offsets into the text. ``data`` of an object has the last of two equal keys."""

    kind: Literal["object", "array", "scalar"]
    start: int
    end: int
    data: object
    members: tuple[JsonMember, ...] = ()

    def member(self, key: str) -> JsonMember | None:
        return next((each for each in reversed(self.members) if each.key == key), None)


def scanned(text: str) -> JsonValue:
    """The value that the whole text is. Raises Unparsable."""
    scanner = _Scanner(text)
    value, at = scanner.value(scanner.blank(0), 0)
    end = scanner.blank(at)
    if end < len(text):
        raise scanner.refusal("something follows after the end", "remove it", end)
    return value


def after_blank(text: str, at: int) -> int:
    """Where blanks and comments end."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text

    def blank(self, at: int) -> int:
        end = after_blank(self.text, at)
        if self.text.startswith("/*", end):
            raise self.refusal("a comment is not closed", "close it with */", end)
        return end

    def refusal(self, reason: str, hint: str, at: int) -> Unparsable:
        place = place_of(self.text[:at])
        if found := foreign_character(self.text, place):
            return Unparsable("not valid", found[1], found[0])
        return Unparsable(reason, hint, place)

    def value(self, at: int, depth: int) -> tuple[JsonValue, int]:
        """The value that begins at ``at``, and where it ends."""
        if depth > _DEEPEST:
            raise self.refusal("too many brackets inside each other", "flatten it", at)
        match self.text[at : at + 1]:
            case "{":
                return self.object(at, depth)
            case "[":
                return self.array(at, depth)
            case '"':
                data, end = self.string(at)
                return JsonValue("scalar", at, end, data), end
        match = _SCALAR.match(self.text, at)
        if match is None:
            hint = "write one, with text in double quotes" if at < len(self.text) else "the file ends too early"
            raise self.refusal("a value is missing", hint, at)
        return JsonValue("scalar", at, match.end(), json.loads(match[0])), match.end()

    def string(self, at: int) -> tuple[str, int]:
        match = _STRING.match(self.text, at)
        if match is None:
            raise self.refusal("a string is not closed on its line", 'close it with "', at)
        try:
            return json.loads(match[0]), match.end()
        except ValueError:
            raise self.refusal("a backslash that begins no escape", "write it twice", at) from None

    def object(self, at: int, depth: int) -> tuple[JsonValue, int]:
        start, at = at, self.blank(at + 1)
        members: list[JsonMember] = []
        while not self.text.startswith("}", at):
            if not self.text.startswith('"', at):
                raise self.refusal("a key in double quotes or } is expected", "look for a missing quote or bracket", at)
            key_start = at
            key, at = self.string(at)
            at = self.blank(at)
            if not self.text.startswith(":", at):
                raise self.refusal("a colon is missing after a key", "write one", at)
            value, at = self.value(self.blank(at + 1), depth + 1)
            members.append(JsonMember(key, key_start, value))
            at = self.comma(at, "}")
        data = {each.key: each.value.data for each in members}
        return JsonValue("object", start, at + 1, data, tuple(members)), at + 1

    def array(self, at: int, depth: int) -> tuple[JsonValue, int]:
        start, at = at, self.blank(at + 1)
        items: list[object] = []
        while not self.text.startswith("]", at):
            value, at = self.value(at, depth + 1)
            items.append(value.data)
            at = self.comma(at, "]")
        return JsonValue("array", start, at + 1, items), at + 1

    def comma(self, at: int, closing: str) -> int:
        """Behind the comma, or at the bracket that closes."""
        at = self.blank(at)
        if self.text.startswith(",", at):
            return self.blank(at + 1)
        if not self.text.startswith(closing, at):
            raise self.refusal(f"a comma or {closing} is missing", "write it", at)
        return at
