"""The effort that is asked for, in the levels of the model that is asked."""

from __future__ import annotations

import pytest

from daemon.inference.request import ReasoningOptions
from daemon.wires.openai.parameters import effort_for, levels_of, lowered

NOTHING = ReasoningOptions()


def budget(tokens: int) -> ReasoningOptions:
    return ReasoningOptions(budget=tokens, enabled=True)


@pytest.mark.parametrize(
    ("expected", "model", "suffix", "options", "default"),
    [
        (None, "gpt-5", None, NOTHING, None),
        ("high", "gpt-5", None, NOTHING, "high"),
        ("low", "gpt-5", None, ReasoningOptions(effort="low"), "high"),
        ("minimal", "gpt-5", "minimal", ReasoningOptions(effort="high"), "high"),
        ("minimal", "gpt-5", None, ReasoningOptions(effort="minimal"), None),
        ("high", "gpt-5", None, ReasoningOptions(effort="xhigh"), None),
        ("high", "gpt-5", None, ReasoningOptions(effort="max"), None),
        ("minimal", "gpt-5", None, ReasoningOptions(effort="none"), None),
        ("minimal", "gpt-5", None, ReasoningOptions(enabled=False), "high"),
        ("minimal", "gpt-5", None, budget(512), None),
        ("low", "gpt-5", None, budget(1024), None),
        ("medium", "gpt-5", None, budget(8192), None),
        ("high", "gpt-5", None, budget(24576), None),
        ("high", "gpt-5", None, budget(64000), "low"),
        ("low", "gpt-5", None, ReasoningOptions(effort="low", budget=64000), None),
        ("low", "gpt-5-codex", None, ReasoningOptions(effort="minimal"), None),
        ("low", "gpt-5-codex", None, ReasoningOptions(enabled=False), None),
        ("none", "gpt-5.5", None, ReasoningOptions(enabled=False), None),
        ("xhigh", "gpt-5.5", None, ReasoningOptions(effort="max"), None),
        ("max", "gpt-5.6", None, ReasoningOptions(effort="max"), None),
        ("max", "gpt-5.6-codex", None, ReasoningOptions(effort="max"), None),
        ("max", "openai/gpt-5.10", None, ReasoningOptions(effort="max"), None),
        ("max", "gpt-6", None, ReasoningOptions(effort="max"), None),
        ("xhigh", "gpt-5.6", "xhigh", ReasoningOptions(), None),
        ("high", "gpt-5.1", None, ReasoningOptions(effort="xhigh"), None),
        ("xhigh", "gpt-5.3-codex", None, ReasoningOptions(effort="xhigh"), None),
        ("high", "o4-mini", None, ReasoningOptions(effort="xhigh"), None),
        (None, "gpt-4.1", "high", ReasoningOptions(effort="high"), "high"),
        (None, "gpt-5-chat-latest", None, NOTHING, "high"),
        ("medium", "some-model", None, budget(8192), None),
        ("high", "vendor/gpt-5", None, ReasoningOptions(effort="max"), None),
        (None, "gpt-5", None, ReasoningOptions(effort="auto"), None),
    ],
)
def test_effort(
    expected: str | None, model: str, suffix: str | None, options: ReasoningOptions, default: str | None
) -> None:
    assert effort_for(model, suffix=suffix, options=options, default=default) == expected


@pytest.mark.parametrize(
    ("sent", "suffix", "options", "less"),
    [
        ("xhigh", None, ReasoningOptions(effort="max"), True),
        ("high", None, ReasoningOptions(effort="xhigh"), True),
        ("low", "high", ReasoningOptions(effort="low"), True),
        ("high", None, budget(31_999), True),
        ("high", None, budget(24_576), False),
        ("max", None, budget(100_000), False),
        ("high", None, ReasoningOptions(effort="high"), False),
        ("low", None, ReasoningOptions(effort="minimal"), False),
        ("low", None, ReasoningOptions(effort="none"), False),
        ("low", None, ReasoningOptions(enabled=False, budget=4096), False),
        ("low", None, ReasoningOptions(effort="auto"), False),
        ("low", None, NOTHING, False),
        (None, None, ReasoningOptions(effort="max"), False),
    ],
)
def test_a_level_that_is_less_than_the_client_asked_for_is_reported(
    sent: str | None, suffix: str | None, options: ReasoningOptions, less: bool
) -> None:
    assert lowered(sent, suffix=suffix, options=options) == ("lowered_effort",) * less


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "chatgpt-4o-latest"])
def test_models_that_do_not_reason_have_no_levels(model: str) -> None:
    assert levels_of(model) == ()
