"""How hard to think, in the levels of the model that is asked."""

from __future__ import annotations

import re
from functools import lru_cache

from daemon.inference.request import ReasoningOptions

_SCALE = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_BUDGETS = ((512, "minimal"), (1024, "low"), (8192, "medium"))
"""Anthropic's token budget up to … is this level; anything larger is ``high``."""

_LEVELS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"gpt-(3|4)|chatgpt|gpt-5[^/]*-chat"), ()),
    (re.compile(r"gpt-5-codex|codex|o\d"), ("low", "medium", "high")),
    (re.compile(r"gpt-5\.\d+-codex"), ("low", "medium", "high", "xhigh")),
    (re.compile(r"gpt-5\.1(?!\d)"), ("none", "low", "medium", "high")),
    (re.compile(r"gpt-5\.\d|gpt-[6-9]"), ("none", "low", "medium", "high", "xhigh")),
)
"""Levels by the start of the model name, first match; () = a model that does not reason."""

_USUAL_LEVELS = ("minimal", "low", "medium", "high")
"""gpt-5's, also used for names that nobody knows."""


@lru_cache(maxsize=512)
def levels_of(model: str) -> tuple[str, ...]:
    """The effort levels that ``model`` takes, lowest first; empty where ``reasoning`` is refused."""
    name = model.rsplit("/", 1)[-1]
    for pattern, levels in _LEVELS:
        if pattern.match(name):
            return levels
    return _USUAL_LEVELS


def effort_for(model: str, *, suffix: str | None, options: ReasoningOptions, default: str | None) -> str | None:
    """The level to send: the model name's suffix, else the client's word, else what its budget or switch
    means, else the default; moved to the nearest level the model has. None: say nothing."""
    wanted = suffix or options.effort or _from_budget(options) or default
    levels = levels_of(model)
    if wanted is None or not levels:
        return None
    return wanted if wanted in levels else _nearest(wanted, levels)


def _from_budget(options: ReasoningOptions) -> str | None:
    if options.enabled is False:
        return "none"
    if options.budget is None:
        return None
    return next((level for limit, level in _BUDGETS if options.budget <= limit), "high")


def _nearest(wanted: str, levels: tuple[str, ...]) -> str | None:
    """The closest level; between two, the lower. A word off the scale (``auto``) is left to the upstream."""
    if wanted not in _SCALE:
        return None
    place = _SCALE.index(wanted)
    return min(levels, key=lambda level: (abs(_SCALE.index(level) - place), _SCALE.index(level)))
