"""The words for how much to think, from least to most: the same on every wire, and no model takes all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SCALE: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 64_000,
}
"""Tokens to think for a level, where a model counts them."""
LEAST_BUDGET: Final = 1024
"""Tokens: the Messages API refuses a smaller budget."""


def is_less(level: str | None, effort: str | None, budget: int | None = None) -> bool:
    """Whether ``level`` lets a model think less than the client asked: for ``effort``, or where it said none, for
    ``budget`` tokens. What is off the scale, and the top of it, is never less."""
    if level not in SCALE or level == SCALE[-1]:
        return False
    if effort is not None:
        return effort in SCALE and SCALE.index(level) < SCALE.index(effort)
    return budget is not None and BUDGETS.get(level, 0) < budget


def nearest(word: str, levels: Sequence[str]) -> str | None:
    """The closest of ``levels``; between two, the lower. None for a word off the scale (``auto``)."""
    if word not in SCALE:
        return None
    place = SCALE.index(word)
    return min(levels, key=lambda level: (abs(SCALE.index(level) - place), SCALE.index(level)))
