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


FIELDS: Final[Mapping[str, str]] = {
    "messages": "output_config.effort",
    "responses": "reasoning.effort",
    "chat": "reasoning_effort",
}
"""Where a client says its level, by its wire: how a loss of it is named."""

BUDGET_FIELDS: Final[Mapping[str, str]] = {"messages": "thinking.budget_tokens", "chat": "reasoning.max_tokens"}
"""The same of a number of tokens."""

_HIGHEST: Final = "ultra"
"""Codex' level above all others, which few models take: to others it is the highest that they know."""
_NO_LEVEL: Final = frozenset({"auto", "default"})


def on_scale(word: str) -> str:
    """The level of the scale that is meant; a word off it as it is."""
    return SCALE[-1] if word == _HIGHEST else word


def lowered(asked: str | None, sent: str | None) -> bool:
    """Whether a model is asked for less than the client has asked for, or for nothing that it has said."""
    if asked is None or asked in _NO_LEVEL or asked == sent:
        return False
    level = on_scale(asked)
    if sent not in SCALE or level not in SCALE:
        return True
    return asked == _HIGHEST or SCALE.index(sent) < SCALE.index(level)


def holds_less(level: str | None, budget: int | None) -> bool:
    """Whether a level lets a model think for fewer tokens than the client has given it. The highest has no bound."""
    return budget is not None and level is not None and level != SCALE[-1] and BUDGETS.get(level, budget) < budget


def nearest(word: str, levels: Sequence[str]) -> str | None:
    """The closest of ``levels``; between two, the lower. None for a word off the scale (``auto``)."""
    word = on_scale(word)
    if word not in SCALE:
        return None
    place = SCALE.index(word)
    return min(levels, key=lambda level: (abs(SCALE.index(level) - place), SCALE.index(level)))
