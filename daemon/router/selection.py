"""The order in which the candidates of one request are asked.

Higher priority tiers come first; inside a tier the start rotates per model (round-robin), so that
the other members of the tier follow as fallbacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from daemon.snapshot.listings import Candidate

MAX_CURSORS = 4096

STRATEGY: Final = "round-robin"
"""The one strategy there is so far, whatever ``routing.strategy`` asks for."""


class Rotation:
    """Round-robin cursors per model name; bounded, since names come from clients: the one that was used longest ago
    is forgotten first."""

    __slots__ = ("_cursors",)

    def __init__(self) -> None:
        self._cursors: dict[str, int] = {}

    def order(self, name: str, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """The candidates in the order they are to be asked; moves the cursor of ``name`` on."""
        if len(candidates) < 2:
            return tuple(candidates)
        turn = self._next(name)
        ordered: list[Candidate] = []
        by_priority = sorted(candidates, key=lambda candidate: -candidate.auth.priority)
        for _, group in groupby(by_priority, key=lambda candidate: candidate.auth.priority):
            tier = list(group)
            start = turn % len(tier)
            ordered += tier[start:] + tier[:start]
        return tuple(ordered)

    def _next(self, name: str) -> int:
        turn = self._cursors.pop(name, 0)
        self._cursors[name] = turn + 1
        if len(self._cursors) > MAX_CURSORS:
            del self._cursors[next(iter(self._cursors))]
        return turn
