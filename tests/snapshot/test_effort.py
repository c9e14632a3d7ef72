"""The effort of a request that says none: the contract's rule, model by model."""

from __future__ import annotations

import pytest

from daemon.config.profiles import PROFILES
from daemon.config.schema import Defaults
from daemon.snapshot.effort import default_effort


@pytest.mark.parametrize(
    ("model", "profile", "expected"),
    [
        ("gpt-5", "", "high"),
        ("gpt-5.5", "", "high"),
        ("gpt-5-codex", "", "high"),
        ("GPT-5", "", "high"),
        ("openai/gpt-5.1", "", "high"),
        ("codex-mini-latest", "", "high"),
        ("o3", "", "high"),
        ("o4-mini", "", "high"),
        ("gpt-4o", "", None),
        ("gpt-6", "", None),
        ("gpt-6", "openai", "high"),
        ("gpt-6", "codex-relay", "high"),
        ("gpt-4.1", "openai", None),
        ("gpt-oss-120b", "groq", None),
        ("my-gpt-5", "", None),
        ("omni", "", None),
        ("o", "", None),
        ("glm-5", "glm", None),
        ("grok-4", "xai", None),
        ("grok-4", "", None),
        ("claude-sonnet-5", "anthropic", None),
        ("deepseek-v4-flash", "deepseek", None),
        ("", "", None),
    ],
)
def test_only_models_that_are_known_to_take_one_get_the_default_effort(
    model: str, profile: str, expected: str | None
) -> None:
    known = PROFILES[profile].effort_models if profile else ()
    assert default_effort(Defaults(), model, known) == expected


@pytest.mark.parametrize("model", ["gpt-5", "grok-4", "qwen3"])
@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_what_the_block_says_is_for_every_model(model: str, effort: str) -> None:
    assert default_effort(Defaults(model_reasoning_effort=effort), model) == effort
