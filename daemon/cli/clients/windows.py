"""How many tokens a conversation with a model may have, where its maker says so.

A client that does not know compacts too late: Claude Code takes a model behind a ``claude-*`` name for one of a million
tokens. A name that no row matches has no number here, and nothing is set for it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

_ROWS: Final = (
    # The catalogue inside Codex CLI 0.171, which has the input's share: 272,000 of 400,000.
    ("gpt-6.1-*", 500_000),
    ("gpt-6.2-sol*", 500_000),
    ("gpt-[56]*", 272_000),
    ("codex-*", 272_000),
    # platform.openai.com/docs/models
    ("gpt-4.1*", 1_047_576),
    ("o3*", 200_000),
    ("o4-mini*", 200_000),
    ("gpt-oss-*", 131_072),
    # The makers' pages of models, November 2026: the smallest of what they name for a family.
    ("deepseek-*", 128_000),
    ("kimi-k2-0711*", 131_072),
    ("kimi-k2*", 262_144),
    ("glm-4.5*", 131_072),
    ("glm-4.6*", 200_000),
    ("glm-4.7*", 200_000),
    ("qwen3-coder*", 262_144),
    ("minimax-m2*", 196_608),
    ("grok-4*", 256_000),
    ("grok-code-fast-1*", 256_000),
    ("claude-*", 200_000),
)
"""Globs of names, first match; without what stands before a slash."""


def window_of(model: str) -> int | None:
    """Tokens of input; None where it is not known. ``openai/gpt-5`` is gpt-5."""
    name = model.rpartition("/")[2].lower()
    return next((tokens for glob, tokens in _ROWS if fnmatchcase(name, glob)), None)
