"""Custom tools (free text in, no JSON) toward upstreams that know functions only, and back.

Such a tool is sent as a function with one string, ``input``. The answer's call is unwrapped again
while it streams, so that the client sees the call of its own tool, as text.
"""

from __future__ import annotations

import json
import re

import msgspec
from msgspec import Raw

from daemon.inference.request import Tool

INPUT_SCHEMA = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)

_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_LONGEST_OPENING = 64
"""Characters after which arguments that do not begin as asked for will not do so any more."""

_WHOLE_CHARACTERS = re.compile(r'(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


def wrapped(text: str) -> str:
    """The text of a custom call as the arguments of its function."""
    return msgspec.json.encode({"input": text}).decode()


def unwrapped(arguments: str) -> str:
    """The text in the arguments of a function that stands for a custom tool; other arguments as they are."""
    try:
        whole = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    if isinstance(whole, str):
        return whole
    if not isinstance(whole, dict):
        return arguments
    only = whole.get("input", next(iter(whole.values()), None) if len(whole) == 1 else None)
    return only if isinstance(only, str) else arguments


def described(tool: Tool) -> str | None:
    """The description, with the grammar that a function cannot be held to."""
    if tool.format is None:
        return tool.description
    lines = [tool.description or "", f"The input must follow this format: {bytes(tool.format).decode()}"]
    return "\n\n".join(filter(None, lines))


class InputReader:
    """Unwraps arguments as they stream. What does not begin as asked for is held and judged at the end."""

    __slots__ = ("_held", "_hopeless", "_inside", "_over", "_rest")

    def __init__(self) -> None:
        self._held: list[str] = []
        self._rest = ""
        self._hopeless = self._inside = self._over = False

    def feed(self, text: str) -> str:
        """The input that is certain by now."""
        if self._over:
            return ""
        if not self._inside:
            self._held.append(text)
            return self._open() if not self._hopeless else ""
        return self._characters(self._rest + text)

    def close(self) -> str:
        """The whole, where the arguments have another shape."""
        return "" if self._inside else unwrapped("".join(self._held))

    def _open(self) -> str:
        head = "".join(self._held)
        opening = _OPENING.match(head)
        if opening is None:
            self._hopeless = len(head) > _LONGEST_OPENING
            return ""
        self._inside = True
        return self._characters(head[opening.end() :])

    def _characters(self, text: str) -> str:
        """All whole characters of the string; half an escape, or half a surrogate pair, waits."""
        known = _WHOLE_CHARACTERS.match(text)
        characters = known[0] if known else ""
        rest = text[len(characters) :]
        if rest.startswith('"'):
            self._over = True
        elif half := _HALF_PAIR.search(characters):
            characters, rest = characters[: half.start()], half[0] + rest
        self._rest = rest
        return _unescaped(characters)


def _unescaped(characters: str) -> str:
    """JSON string content as text. Line breaks that should have been escaped are taken as they are;
    halves of surrogate pairs, which no encoder takes, are replaced."""
    if "\\" not in characters:
        return characters
    text: str = json.loads(f'"{characters}"', strict=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
