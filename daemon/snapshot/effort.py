"""Effort in model names: ``gpt-5-high`` and ``gpt-5(high)``, ``gpt-5(8192)``.

The seed's ids with a dash are not models of their own: upstream they are the base model with that
effort. Parentheses contain a level or a token budget, translated by the seed system's table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import UNSET

from daemon.config.schema import DEFAULT_MODELS, Defaults
from daemon.wires.effort import BUDGETS, SCALE

DASH = re.compile(r"(.+)-(minimal|low|medium|high|xhigh)")
PARENTHESES = re.compile(r"(.+)\(([^()]*)\)")
SEED_LEVELS = ("minimal", "low", "medium", "high")
"""What the seed's own models support: less is raised to minimal, more is lowered to high."""

SEED_EFFORTS: dict[str, tuple[str, str]] = {
    entry.name: (match[1], match[2]) for entry in DEFAULT_MODELS if (match := DASH.fullmatch(entry.name))
}
"""``gpt-5-high`` -> (``gpt-5``, ``high``), for the seed's ids alone."""

DEFAULT_EFFORT = "high"
"""The seed's, for models that are known to take one."""
REASONING_MODELS = ("gpt-5*", "codex*", "o[0-9]*")
"""Globs of these, in the words of the contract."""

SEED_MODELS = frozenset(entry.name for entry in DEFAULT_MODELS)


def split_dash(name: str) -> tuple[str, str] | None:
    """``x-high`` -> (``x``, ``high``)."""
    match = DASH.fullmatch(name)
    return (match[1], match[2]) if match else None


def split_parentheses(name: str) -> tuple[str, str] | None:
    """``x(high)`` or ``x(8192)`` -> (``x``, level); None if the parentheses hold no effort."""
    match = PARENTHESES.fullmatch(name)
    level = _level(match[2].strip().lower()) if match else None
    return (match[1].strip(), level) if match and level else None


@lru_cache(maxsize=512)
def default_effort(defaults: Defaults, model: str, known: Sequence[str] = ()) -> str | None:
    """The effort of a request that says none: what the provider's block says, for whatever model; else the seed's, for
    ``REASONING_MODELS`` and those that the profile knows. ``known`` are its globs. ``openai/gpt-5`` is gpt-5."""
    chosen = defaults.model_reasoning_effort
    if chosen is not UNSET:
        return chosen
    name = model.rpartition("/")[2].lower()
    known_to_reason = any(fnmatchcase(name, glob) for glob in (*REASONING_MODELS, *known))
    return DEFAULT_EFFORT if known_to_reason else None


def clamp(level: str, model: str) -> str:
    """The nearest level that ``model`` supports; for unknown models the level as requested."""
    if model not in SEED_MODELS or level in SEED_LEVELS:
        return level
    return SEED_LEVELS[0] if level == "none" else SEED_LEVELS[-1]


def _level(value: str) -> str | None:
    if value in SCALE:
        return value
    if value in ("auto", "-1"):
        return "medium"
    if not re.fullmatch(r"[0-9]{1,9}", value):
        return None
    budget = int(value)
    if budget == 0:
        return "none"
    return next((level for level in SEED_LEVELS if budget <= BUDGETS[level]), "xhigh")
