"""The order in which a file names things, so that a summary reads like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.config.provider import lower_name

LAST: Final = 1_000_000.0
"""The rank of what is in neither file: a built-in default, or a value from the environment."""


class FileOrder:
    """The order in which a file names things, so that a summary reads like it. Paths rank by the new file; what
    only the old one has comes after its old predecessor."""

    def __init__(self, new: Mapping[str, object], old: Mapping[str, object]) -> None:
        self._new = new
        self._old = old
        self._indexes: dict[int, dict[str, int]] = {}

    def rank(self, keys: tuple[str, ...]) -> tuple[float, ...]:
        """``("tppc", "providers", "fox")`` -> one number per part; list entries go by their name."""
        new: object = self._new
        old: object = self._old
        ranks: list[float] = []
        for key in keys:
            here, before = self._index(new).get(key), self._index(old).get(key)
            if here is not None:
                ranks.append(here)
            else:
                ranks.append(LAST if before is None else before + 0.5)
            new, old = _below(new, key, here), _below(old, key, before)
        return tuple(ranks)

    def _index(self, node: object) -> dict[str, int]:
        """Position of each name in a mapping or list. Kept by identity: the nodes live as long as we do."""
        if not isinstance(node, dict | list):
            return {}
        if id(node) not in self._indexes:
            names = node if isinstance(node, dict) else (_name(item, number) for number, item in enumerate(node))
            index: dict[str, int] = {}
            for number, name in enumerate(names):
                index.setdefault(name, number)
                index.setdefault(lower_name(name), number)
            self._indexes[id(node)] = index
        return self._indexes[id(node)]


def _name(item: object, number: int) -> str:
    """What the diff calls a list entry; a provider's name it calls in lower case."""
    if isinstance(item, dict):
        return str(item.get("alias") or item.get("name") or number)
    return str(item)


def _below(node: object, key: str, index: int | None) -> object:
    if isinstance(node, dict):
        return node.get(key)
    return node[index] if isinstance(node, list) and index is not None else None
