"""Configurations as people might have written them: any data, in any of the styles that YAML allows for it.

The text is put together here, without any YAML library: what it says and what it looks like are known
before anything has read it. Every comment has a number, so that none can be lost unseen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

Data = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

PLAIN = re.compile(r"[a-z][a-z0-9.:/-]*[a-z0-9]")
RESERVED = {"true", "false", "yes", "no", "on", "off", "null"}
KEYS = st.text("abcdefgh-", min_size=1, max_size=6).map(lambda text: f"k{text}k")
TEXTS = st.sampled_from(
    ["", "a", "sk-1", "https://x.example/v1", "it's", 'say "x"', "# no comment", "a: b", "ünï 🔑", "17", "yes"]
)
SCALARS = TEXTS | st.booleans() | st.integers(-99, 9999) | st.none()


def named(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list of maps that have a name each, as providers do."""
    entries = st.dictionaries(KEYS, inner, max_size=3)
    names = st.lists(st.sampled_from(["fox", "wolf", "lynx", "bear"]), max_size=3, unique=True)
    return names.flatmap(lambda found: st.tuples(*(entries for _ in found)).map(lambda rest: _joined(found, rest)))


def _joined(names: list[str], entries: tuple[Data, ...]) -> list[Data]:
    return [{"name": name, **entry} for name, entry in zip(names, entries, strict=True)]


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(SCALARS, max_size=3) | named(inner),
    max_leaves=14,
)


class File(Struct, frozen=True):
    """``raw`` says ``data``."""

    raw: bytes
    data: Data


@st.composite
def files(draw: Draw) -> File:
    data = draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5))
    lines = list(Writer(draw).mapping(data, 0))
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    text = eol.join(lines) + draw(st.sampled_from([eol, eol, "", eol * 2]))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    return File((mark + draw(st.sampled_from(["", "", f"---{eol}"])) + text).encode(), data)


class Writer:
    """``draw`` chooses the style of everything, one for the indentation of the whole file."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._step = draw(st.integers(1, 4))
        self._offset = draw(st.integers(0, 3))
        self._gap = draw(st.integers(1, 3))
        self._comments = 0

    def mapping(self, data: Data, indent: int) -> Iterator[str]:
        for key, value in data.items():
            yield from self._above(indent)
            yield from self._entry(" " * indent + key + ":", value, indent)

    def _entry(self, head: str, value: Any, indent: int) -> Iterator[str]:
        if not isinstance(value, dict | list) or not value or self._chance(5):
            yield f"{head} {self._inline(value)}{self._behind()}"
            return
        yield head + self._behind()
        if isinstance(value, dict):
            yield from self.mapping(value, indent + self._step)
            return
        for item in value:
            yield from self._above(indent + self._offset)
            yield from self._item(item, indent + self._offset)

    def _item(self, item: Any, indent: int) -> Iterator[str]:
        dash = " " * indent + "-" + " " * self._gap
        if not isinstance(item, dict) or not item or self._chance(5):
            yield f"{dash}{self._inline(item)}{self._behind()}"
            return
        first, *rest = self.mapping(item, indent + 1 + self._gap)
        while not first.strip() or first.lstrip().startswith("#"):
            yield first  # a comment above the first key stands above the dash
            first, *rest = rest
        yield dash + first.lstrip()
        yield from rest

    def _inline(self, value: Any) -> str:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return f"[{', '.join(map(self._inline, value))}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{key}: {self._inline(item)}' for key, item in value.items())}}}"
        return json.dumps(value)

    def _text(self, value: str) -> str:
        ways = [json.dumps(value, ensure_ascii=False), "'" + value.replace("'", "''") + "'"]
        if PLAIN.fullmatch(value) and value not in RESERVED:
            ways.append(value)
        return str(self._draw(st.sampled_from(ways)))

    def _above(self, indent: int) -> Iterator[str]:
        if self._chance(4):
            yield ""
        if self._chance(4):
            yield " " * indent + self._comment()

    def _behind(self) -> str:
        return f"   {self._comment()}" if self._chance(4) else ""

    def _comment(self) -> str:
        self._comments += 1
        return f"# remark-{self._comments}."

    def _chance(self, one_in: int) -> bool:
        return bool(self._draw(st.integers(1, one_in)) == 1)
