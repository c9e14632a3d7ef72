"""What editing the text of a client's file means, whatever its format.

A value is known by its path (``("env", "ANTHROPIC_BASE_URL")``) and kept as it is written (``"http://…"``, quotes
included), so that it can be put back exactly. ``None`` in place of a value is: not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from daemon.config.foreign_text import Unparsable

Path = tuple[str, ...]
Raw = str
"""A value in the syntax of its file."""

__all__ = ["NotChangeable", "Path", "Raw", "TextFormat", "Unparsable", "value_at", "with_value"]


class NotChangeable(Exception):
    """The change would affect more than was asked for. One line, which begins with ``line:column: `` where there is a
    place."""

    @property
    def has_place(self) -> bool:
        return str(self)[:1].isdigit()


class TextFormat(Protocol):
    """``text`` is decoded, without a byte order mark."""

    def data(self, text: str) -> Mapping[str, object]:
        """All values. Raises Unparsable."""

    def raw(self, text: str, path: Path) -> Raw | None:
        """The value at ``path`` as it is written."""

    def encode(self, value: object) -> Raw:
        """A value as it would be written."""

    def put(self, text: str, path: Path, raw: Raw) -> str:
        """The text with this value there, and its sections. Raises NotChangeable."""

    def remove(self, text: str, path: Path) -> str:
        """The text without the value, or the section with all in it; the text itself where it is not there."""


def value_at(data: object, path: Path) -> object:
    """None where it is not there."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def with_value(data: Mapping[str, object], path: Path, value: object) -> dict[str, object]:
    """The data with ``value`` at ``path``; without it for None."""
    key, *rest = path
    if rest:
        inner = data.get(key)
        value = with_value(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)
    if value is None:
        return {name: each for name, each in data.items() if name != key}
    return {**data, key: value}
