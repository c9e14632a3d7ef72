"""The model catalogue that Codex CLI asks for (``GET /v1/models?client_version=…``).

The shape is Codex' own ``ModelInfo`` (codex-rs/protocol, and the catalogue inside the 0.169 binary).
Codex rejects the whole list when a required field is missing, so every field that some version
required is there, with the value its own models of this family have.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import islice
from typing import Final

from daemon.snapshot.effort import SEED_LEVELS, SEED_MODELS
from daemon.snapshot.listings import NO_CHAT

EFFORTS: Final = {
    "minimal": "Fastest responses with little reasoning",
    "low": "Fast responses with lighter reasoning",
    "medium": "Balances speed and reasoning depth for everyday tasks",
    "high": "Greater reasoning depth for complex problems",
    "xhigh": "Extra high reasoning depth for complex problems",
}
MOST_MODELS: Final = 1000
"""A row has a kilobyte, and upstreams together may list many thousands."""
CONTEXT_WINDOW: Final = 272_000
BASE_INSTRUCTIONS: Final = (
    "You are Codex, a coding agent that works in the user's terminal and workspace. Read the code before you change "
    "it, follow its conventions, make the smallest change that solves the task, run what proves it, and say briefly "
    "what you did. Use the tools you are given; ask only when you cannot go on."
)

COMMON: Final[dict[str, object]] = {
    "shell_type": "shell_command",
    "supported_in_api": True,
    "upgrade": None,
    "availability_nux": None,
    "base_instructions": BASE_INSTRUCTIONS,
    "model_messages": None,
    "supports_reasoning_summaries": True,
    "supports_reasoning_summary_parameter": True,
    "default_reasoning_summary": "auto",
    "support_verbosity": True,
    "default_verbosity": "low",
    "apply_patch_tool_type": "freeform",
    "web_search_tool_type": "text",
    "truncation_policy": {"mode": "tokens", "limit": 10_000},
    "supports_parallel_tool_calls": True,
    "supports_image_detail_original": False,
    "context_window": CONTEXT_WINDOW,
    "max_context_window": CONTEXT_WINDOW,
    "auto_compact_token_limit": None,
    "effective_context_window_percent": 95,
    "experimental_supported_tools": [],
    "input_modalities": ["text", "image"],
    "prefer_websockets": False,
    "supports_search_tool": False,
    "use_responses_lite": False,
    "minimal_client_version": "0.1.0",
}


def catalogue(names: Iterable[str]) -> dict[str, object]:
    """The response for the first of these ``names``, in their order; a name that only adds an effort to another is
    hidden, and so is what answers no prompt."""
    listed = tuple(islice(names, MOST_MODELS))
    known = frozenset(listed)
    return {"models": [model(name, priority, known) for priority, name in enumerate(listed)]}


def model(name: str, priority: int, known: Set[str]) -> dict[str, object]:
    """One ``ModelInfo``."""
    base, _, effort = name.rpartition("-")
    is_variant = effort in EFFORTS and base in known
    levels = [effort] if is_variant else efforts(name)
    return {
        "slug": name,
        "display_name": name,
        "description": f"{name}, through tppcd",
        "default_reasoning_level": effort if is_variant else "medium",
        "supported_reasoning_levels": [{"effort": level, "description": EFFORTS[level]} for level in levels],
        "visibility": "hide" if is_variant or NO_CHAT.search(name) else "list",
        "priority": priority,
        **COMMON,
    }


def efforts(name: str) -> list[str]:
    """The levels a model takes: the seed's up to ``high``, and of them the codex models no ``minimal``; later ones have
    ``xhigh`` and no ``minimal`` (the catalogue inside the 0.171 binary)."""
    if name not in SEED_MODELS:
        return [level for level in EFFORTS if level != "minimal"]
    return [level for level in SEED_LEVELS if not (level == "minimal" and "codex" in name)]
