"""A field that a server does not know is left out by its path, wherever it stands, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.wires.anthropic_messages.beta_header import without_betas
from daemon.wires.anthropic_messages.field_paths import without_field, without_field_anywhere
from tests.wires.anthropic_messages.test_request_changes import changed

CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}}
LESS = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOL = {"name": "T", "input_schema": {"type": "object", "properties": {"strict": {"type": "string"}}}}
BASH = {"type": "bash_20250124", "name": "bash"}
USE = {"type": "tool_use", "id": "t", "name": "T", "input": {"caller": "x"}}
TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("path", "body", "sent", "lost"),
    [
        (
            "system.2.cache_control.ephemeral.scope",
            {"system": [TEXT | CACHED, TEXT], "tools": [TOOL | CACHED]},
            {"system": [TEXT | LESS, TEXT], "tools": [TOOL | CACHED]},
            [],
        ),
        (
            "tools.20.custom.defer_loading",
            {"tools": [TOOL | {"defer_loading": True}, BASH]},
            {"tools": [TOOL, BASH]},
            [],
        ),
        ("tools.0.custom.strict", {"tools": [TOOL | {"strict": True}]}, {"tools": [TOOL]}, ["tools.custom.strict"]),
        ("tools[0].eager_input_streaming", {"tools": [TOOL | {"eager_input_streaming": True}]}, {"tools": [TOOL]}, []),
        ("tools.3.cache_control", {"tools": [TOOL | CACHED, BASH | CACHED]}, {"tools": [TOOL, BASH]}, []),
        (
            "messages.65.content.1.tool_use.caller",
            {
                "messages": [
                    {"role": "assistant", "content": [USE | {"caller": {"type": "direct"}}, TEXT | {"caller": 1}]}
                ]
            },
            {"messages": [{"role": "assistant", "content": [USE, TEXT | {"caller": 1}]}]},
            ["messages.content.tool_use.caller"],
        ),
        (
            "messages.0.content.0.text.cache_control.ephemeral.ttl",
            {"messages": [{"role": "user", "content": [TEXT | CACHED]}]},
            {
                "messages": [
                    {"role": "user", "content": [TEXT | {"cache_control": {"type": "ephemeral", "scope": "global"}}]}
                ]
            },
            [],
        ),
        (
            "messages.1.output_config",
            {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b", "output_config": {}}]},
            {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
            ["messages.output_config"],
        ),
        (
            "thinking.adaptive.display",
            {"thinking": {"type": "adaptive", "display": "x"}},
            {"thinking": {"type": "adaptive"}},
            [],
        ),
        (
            "messages.0.content",
            {"messages": [{"role": "user", "content": "a"}]},
            {"messages": [{"role": "user", "content": "a"}]},
            [],
        ),
        ("tools.0.custom.input_schema", {"tools": [TOOL]}, {"tools": [TOOL]}, []),
        ("tools.0.custom.absent", {"tools": [TOOL]}, {"tools": [TOOL]}, []),
        ("tools", {"tools": [TOOL]}, {"tools": [TOOL]}, []),
        ("tools.x.strict", {"tools": [TOOL | {"strict": True}]}, {"tools": [TOOL | {"strict": True}]}, []),
        ("tools.0.strict", {"tools": 7}, {"tools": 7}, []),
    ],
)
def test_a_field_is_left_out_by_its_path(
    path: str, body: dict[str, Any], sent: dict[str, Any], lost: list[str]
) -> None:
    assert changed(without_field, body, path) == (sent, lost)


@pytest.mark.parametrize(
    ("name", "body", "sent", "lost"),
    [
        (
            "scope",
            {"system": [TEXT | CACHED], "tools": [TOOL | CACHED]},
            {"system": [TEXT | LESS], "tools": [TOOL | LESS]},
            [],
        ),
        (
            "cache_control",
            {
                "messages": [
                    {"role": "user", "content": [TEXT | CACHED, {"type": "tool_result", "content": [TEXT | CACHED]}]}
                ]
            },
            {"messages": [{"role": "user", "content": [TEXT, {"type": "tool_result", "content": [TEXT]}]}]},
            [],
        ),
        ("strict", {"tools": [TOOL | {"strict": True}]}, {"tools": [TOOL]}, ["strict"]),
        (
            "caller",
            {"messages": [{"role": "assistant", "content": [USE]}]},
            {"messages": [{"role": "assistant", "content": [USE]}]},
            [],
        ),
        ("text", {"system": [TEXT]}, {"system": [TEXT]}, []),
        ("absent", {"system": [TEXT]}, {"system": [TEXT]}, []),
    ],
)
def test_a_field_without_a_path_is_left_out_everywhere(
    name: str, body: dict[str, Any], sent: dict[str, Any], lost: list[str]
) -> None:
    """But not in a tool's input nor in its schema: what stands there is the client's own."""
    assert changed(without_field_anywhere, body, name) == (sent, lost)


BETAS = "claude-code-20250219,context-1m-2025-08-07, interleaved-thinking-2025-05-14"


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("context-1m-2025-08-07", "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ("context-1m-2025-08-07`, `interleaved-thinking-2025-05-14", "claude-code-20250219"),
        ("long context", "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ("other-2026-01-01", "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14"),
        ("", None),
    ],
)
def test_items_of_the_beta_header(refused: str, left: str | None) -> None:
    headers = {"anthropic-beta": BETAS, "x": "y"}
    without_betas(headers, refused)
    assert headers == {"x": "y"} | ({"anthropic-beta": left} if left else {})


def test_a_request_without_the_header_stays_as_it_is() -> None:
    headers = {"x": "y"}
    without_betas(headers, "")
    assert headers == {"x": "y"}
