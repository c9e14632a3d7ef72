"""Changes to how a request asks for thinking; each leaves alone what it is not about."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.wires.anthropic_messages import thinking_changes as changes
from daemon.wires.base import Fields
from tests.wires.anthropic_messages.test_request_changes import Change, changed

ADAPTIVE = {"type": "adaptive", "display": "summarized"}
ENABLED = {"type": "enabled", "budget_tokens": 8000}
OFF = {"type": "disabled"}
CLEARING = {"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "T", "input": {}}]}
THOUGHT = {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, *CALL["content"]]}
FORCED = {"type": "tool", "name": "T", "disable_parallel_tool_use": True}

ROWS: list[tuple[Change, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        changes.budgeted_thinking,
        {"thinking": ADAPTIVE, "max_tokens": 64_000, "output_config": {"effort": "medium"}},
        {
            "thinking": {"type": "enabled", "budget_tokens": 8192},
            "max_tokens": 64_000,
            "output_config": {"effort": "medium"},
        },
        [],
    ),
    (
        changes.budgeted_thinking,
        {"thinking": ADAPTIVE, "max_tokens": 32_000},
        {"thinking": {"type": "enabled", "budget_tokens": 16_000}, "max_tokens": 32_000},
        [],
    ),
    (
        changes.budgeted_thinking,
        {"thinking": ADAPTIVE, "max_tokens": 1500},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1500},
        [],
    ),
    (changes.budgeted_thinking, {"thinking": ADAPTIVE, "max_tokens": 1000}, {"max_tokens": 1000}, ["reasoning"]),
    (changes.budgeted_thinking, {"thinking": ENABLED}, {"thinking": ENABLED}, []),
    (changes.budgeted_thinking, {"thinking": 7}, {"thinking": 7}, []),
    (changes.budgeted_thinking, {}, {}, []),
    (
        changes.adaptive_thinking,
        {"thinking": ENABLED | {"display": "omitted"}},
        {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "medium"}},
        [],
    ),
    (
        changes.adaptive_thinking,
        {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "output_config": {"format": {}}},
        {"thinking": {"type": "adaptive"}, "output_config": {"format": {}, "effort": "xhigh"}},
        [],
    ),
    (
        changes.adaptive_thinking,
        {"thinking": ENABLED, "output_config": {"effort": "max"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        [],
    ),
    (changes.adaptive_thinking, {"thinking": OFF}, {"thinking": OFF}, []),
    (
        changes.budget_below_limit,
        {"thinking": ENABLED, "max_tokens": 8000},
        {"thinking": {"type": "enabled", "budget_tokens": 4000}, "max_tokens": 8000},
        [],
    ),
    (changes.budget_below_limit, {"thinking": ENABLED, "max_tokens": 900}, {"max_tokens": 900}, ["reasoning"]),
    (
        changes.budget_below_limit,
        {"thinking": ENABLED, "max_tokens": 9000},
        {"thinking": ENABLED, "max_tokens": 9000},
        [],
    ),
    (changes.thinking_between_tools, {"thinking": OFF}, {"thinking": {"type": "between_tools"}}, []),
    (changes.thinking_between_tools, {"thinking": ADAPTIVE}, {"thinking": ADAPTIVE}, []),
    (changes.thinking_left_on, {"thinking": OFF}, {}, ["reasoning"]),
    (changes.thinking_left_on, {"thinking": ADAPTIVE}, {"thinking": ADAPTIVE}, []),
    (changes.no_thinking, {"thinking": ADAPTIVE}, {}, ["reasoning"]),
    (changes.no_thinking, {"thinking": OFF}, {"thinking": OFF}, []),
    (
        changes.no_thinking,
        {"thinking": ENABLED, "context_management": CLEARING},
        {"context_management": {"edits": CLEARING["edits"][1:]}},
        ["reasoning"],
    ),
    (
        changes.no_thinking,
        {"thinking": ENABLED, "context_management": {"edits": CLEARING["edits"][:1]}},
        {},
        ["reasoning"],
    ),
    (
        changes.forced_tool_instead,
        {"thinking": ADAPTIVE, "tool_choice": FORCED},
        {"tool_choice": FORCED},
        ["reasoning"],
    ),
    (changes.forced_tool_instead, {"tool_choice": FORCED}, {"tool_choice": FORCED, "thinking": OFF}, []),
    (
        changes.forced_tool_instead,
        {"thinking": ADAPTIVE, "tool_choice": {"type": "auto"}},
        {"thinking": ADAPTIVE, "tool_choice": {"type": "auto"}},
        [],
    ),
    (
        changes.free_tool_choice,
        {"tool_choice": FORCED},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ["tool_choice"],
    ),
    (changes.free_tool_choice, {"tool_choice": {"type": "none"}}, {"tool_choice": {"type": "none"}}, []),
    (
        changes.no_thinking_in_the_middle,
        {"thinking": ENABLED, "messages": [CALL]},
        {"messages": [CALL]},
        ["reasoning"],
    ),
    (
        changes.no_thinking_in_the_middle,
        {"thinking": ENABLED, "messages": [CALL, THOUGHT]},
        {"thinking": ENABLED, "messages": [CALL, THOUGHT]},
        [],
    ),
    (changes.no_thinking_in_the_middle, {"thinking": ENABLED, "messages": 7}, {"thinking": ENABLED, "messages": 7}, []),
    (changes.no_effort, {"output_config": {"effort": "high"}}, {}, ["output_config.effort"]),
    (
        changes.no_effort,
        {"output_config": {"effort": "high", "format": {}}},
        {"output_config": {"format": {}}},
        ["output_config.effort"],
    ),
    (changes.no_effort, {"output_config": {"format": {}}}, {"output_config": {"format": {}}}, []),
    (
        changes.less_effort_without_thinking,
        {"thinking": OFF, "output_config": {"effort": "xhigh"}},
        {"thinking": OFF, "output_config": {"effort": "high"}},
        [],
    ),
    (
        changes.less_effort_without_thinking,
        {"thinking": ADAPTIVE, "output_config": {"effort": "max"}},
        {"thinking": ADAPTIVE, "output_config": {"effort": "max"}},
        [],
    ),
]


@pytest.mark.parametrize(
    ("model", "level", "body", "sent"),
    [
        ("claude-opus-5-5", "xhigh", {}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        (
            "claude-sonnet-4-6",
            "minimal",
            {"thinking": ADAPTIVE},
            {"thinking": ADAPTIVE, "output_config": {"effort": "low"}},
        ),
        ("claude-sonnet-4-6", "none", {"thinking": ADAPTIVE, "output_config": {"effort": "low"}}, {"thinking": OFF}),
        ("claude-sonnet-5-5", "none", {}, {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5-5", "none", {"thinking": ADAPTIVE}, {}),
        (
            "claude-haiku-4-5",
            "medium",
            {"max_tokens": 32_000},
            {"max_tokens": 32_000, "thinking": {"type": "enabled", "budget_tokens": 8192}},
        ),
        ("claude-haiku-4-5", "high", {"max_tokens": 100}, {"max_tokens": 100}),
        ("claude-3-haiku-20240307", "high", {}, {}),
        ("glm-5", "max", {}, {"output_config": {"effort": "max"}}),
        ("glm-5", "none", {}, {"thinking": OFF}),
    ],
)
def test_the_level_of_a_suffix(model: str, level: str, body: dict[str, Any], sent: dict[str, Any]) -> None:
    def change(fields: Fields, argument: str) -> tuple[()]:
        changes.with_level(fields, model, argument)
        return ()

    assert changed(change, body, level) == (sent, [])


@pytest.mark.parametrize(("change", "body", "sent", "lost"), ROWS)
def test_a_change_of_thinking(change: Change, body: dict[str, Any], sent: dict[str, Any], lost: list[str]) -> None:
    assert changed(change, body) == (sent, lost)
