"""The words for how much to think, from least to most: the same on every wire, and no model takes all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SCALE: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def nearest(word: str, levels: Sequence[str]) -> str | None:
    """The closest of ``levels``; between two, the lower. None for a word off the scale (``auto``)."""
    if word not in SCALE:
        return None
    place = SCALE.index(word)
    return min(levels, key=lambda level: (abs(SCALE.index(level) - place), SCALE.index(level)))
