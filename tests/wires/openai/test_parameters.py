"""The effort that is asked for, in the levels of the model that is asked."""

from __future__ import annotations

import pytest

from daemon.inference.blocks import Text
from daemon.inference.request import Message, ReasoningOptions, Request
from daemon.wires.base import EncodeOptions
from daemon.wires.losses import is_refused
from daemon.wires.openai.parameters import effort_for, levels_of, note_lowered
from daemon.wires.table import WIRES

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
    ("sent", "suffix", "effort", "less"),
    [
        ("xhigh", None, "max", True),
        ("high", None, "xhigh", True),
        ("low", "high", "low", True),
        ("max", None, "ultra", True),
        ("high", None, "very high", True),
        ("high", None, "high", False),
        ("low", None, "minimal", False),
        ("low", None, "none", False),
        ("low", None, "auto", False),
        ("low", None, None, False),
    ],
)
def test_a_level_that_is_less_than_the_client_asked_for_is_reported(
    sent: str, suffix: str | None, effort: str | None, less: bool
) -> None:
    lost: list[str] = []
    asked = Request(wire="responses", model="x", messages=(), reasoning=ReasoningOptions(effort=effort))
    note_lowered(asked, suffix, sent, lost)
    assert lost == ["reasoning.effort"] * less


@pytest.mark.parametrize(
    ("sent", "options", "less"),
    [
        ("high", budget(31_999), True),
        ("low", budget(1025), True),
        ("high", budget(24_576), False),
        ("max", budget(100_000), False),
        ("low", ReasoningOptions(enabled=False, budget=4096), False),
        (None, budget(31_999), False),
        ("high", NOTHING, False),
    ],
)
def test_a_level_that_stands_for_fewer_tokens_than_the_client_gave_is_reported(
    sent: str | None, options: ReasoningOptions, less: bool
) -> None:
    lost: list[str] = []
    note_lowered(Request(wire="messages", model="x", messages=(), reasoning=options), None, sent, lost)
    assert lost == ["thinking.budget_tokens"] * less
    assert not any(map(is_refused, lost))


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "chatgpt-4o-latest"])
def test_models_that_do_not_reason_have_no_levels(model: str) -> None:
    assert levels_of(model) == ()


@pytest.mark.parametrize(
    ("lost", "wire", "model", "effort"),
    [
        (("output_config.effort",), "messages", "gpt-5", "max"),
        (("output_config.effort",), "messages", "deepseek-v4", "xhigh"),
        (("reasoning_effort",), "chat", "gpt-5.1", "xhigh"),
        (("reasoning.effort",), "responses", "gpt-5.6", "ultra"),
        (("reasoning.effort",), "responses", "gpt-5", "no level"),
        ((), "messages", "gpt-5", "high"),
        ((), "messages", "gpt-5.6", "max"),
        ((), "responses", "gpt-5", "none"),  # the least that there is
        ((), "chat", "gpt-5", "auto"),
        (("reasoning",), "messages", "gpt-4o", "high"),
    ],
)
def test_an_effort_above_what_the_model_takes_is_reported(
    lost: tuple[str, ...], wire: str, model: str, effort: str
) -> None:
    """Toward both APIs, under the name that the client's API has for it."""
    asked = Request(
        wire=wire, model="m", messages=(Message("user", (Text("go"),)),), reasoning=ReasoningOptions(effort=effort)
    )
    for toward in {"chat", "responses"} - {wire}:
        assert WIRES[toward].encode_request(asked, EncodeOptions(model=model)).lost == lost
