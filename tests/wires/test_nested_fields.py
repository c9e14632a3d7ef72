"""A field that is refused by its place is left out wherever it stands, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Raw

from daemon.wires.nested_fields import may_leave_out, without_field
from tests.wires.openai_chat.test_request_changes import changed

USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"const": {"type": "string", "const": "a"}, "b": {"anyOf": [{"const": 1}]}}}
CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}}
LESS = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOL = {"name": "T", "input_schema": {"type": "object", "properties": {"strict": {"type": "string"}}}}
BASH = {"type": "bash_20250124", "name": "bash"}
USE = {"type": "tool_use", "id": "t", "name": "T", "input": {"caller": "x"}}
TEXT = {"type": "text", "text": "a"}
WITHOUT_CONST = {"type": "object", "properties": {"const": {"type": "string"}, "b": {"anyOf": [{}]}}}

ROWS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "messages.name",
        {"messages": [USER | {"name": "n"}, USER, {"role": "function", "name": "f", "content": "1"}]},
        {"messages": [USER, USER, {"role": "function", "name": "f", "content": "1"}]},
        ["messages[0].name"],
    ),
    (
        "messages.assistant.reasoning_content",
        {"messages": [USER, {"role": "assistant", "content": "a", "reasoning_content": "r"}]},
        {"messages": [USER, {"role": "assistant", "content": "a"}]},
        ["messages[1].reasoning_content"],
    ),
    (
        "messages.content.cache_control",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]}, USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, USER]},
        [],
    ),
    (
        "messages.user.tool_calls",
        {"messages": [USER | {"tool_calls": None}, {"role": "assistant", "tool_calls": [{"id": "a"}]}]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "a"}]}]},
        [],
    ),
    (
        "messages.id",
        {"messages": [USER | {"id": "m"}, {"role": "assistant", "id": "n", "tool_calls": [{"id": "a"}]}]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "a"}]}]},
        [],
    ),
    (
        "messages.refusal",
        {"messages": [{"role": "assistant", "content": "a", "refusal": None}]},
        {"messages": [{"role": "assistant", "content": "a"}]},
        [],
    ),
    (
        "tools.function.strict",
        {"tools": [{"type": "function", "function": {"name": "f", "strict": False}}, {"type": "x", "strict": True}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "x", "strict": True}]},
        [],
    ),
    (
        "tools.custom.input_examples",
        {"tools": [{"name": "f", "input_examples": [1]}, {"name": "g"}]},
        {"tools": [{"name": "f"}, {"name": "g"}]},
        ["tools[0].input_examples"],
    ),
    (
        "system.cache_control.ephemeral.scope",
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        [],
    ),
    (
        "input.status",
        {"input": [USER | {"status": "completed"}, {"type": "function_call", "status": "x", "call_id": "c"}]},
        {"input": [USER, {"type": "function_call", "call_id": "c"}]},
        [],
    ),
    (
        "tools.function_declarations.parameters.properties.value.const",
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": WITHOUT_CONST}}]},
        ["tools.f.const"],
    ),
    (
        "tools.custom.input_schema.const",
        {"tools": [{"name": "g"}, {"name": "f", "input_schema": SCHEMA}]},
        {"tools": [{"name": "g"}, {"name": "f", "input_schema": WITHOUT_CONST}]},
        ["tools.f.const"],
    ),
    (
        "tools.custom.defer_loading",
        {"tools": [TOOL | {"defer_loading": True}, BASH | {"defer_loading": True}]},
        {"tools": [TOOL, BASH | {"defer_loading": True}]},
        [],
    ),
    ("tools.cache_control", {"tools": [TOOL | CACHED, BASH | CACHED]}, {"tools": [TOOL, BASH]}, []),
    (
        "messages.content.tool_use.caller",
        {"messages": [{"role": "assistant", "content": [USE | {"caller": {"type": "direct"}}, TEXT | {"caller": 1}]}]},
        {"messages": [{"role": "assistant", "content": [USE, TEXT | {"caller": 1}]}]},
        [],
    ),
    (
        "messages.content.text.cache_control.ephemeral.scope",  # a type that is the name of a field, too
        {"messages": [{"role": "user", "content": [TEXT | CACHED, USE | CACHED]}]},
        {"messages": [{"role": "user", "content": [TEXT | LESS, USE | CACHED]}]},
        [],
    ),
    (
        "messages.content.thinking.cache_control",
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "t"} | CACHED]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}]}]},
        [],
    ),
    (
        "messages.output_config",
        {"messages": [USER, {"role": "system", "content": "b", "output_config": {"effort": "low"}}]},
        {"messages": [USER, {"role": "system", "content": "b"}]},
        ["messages[1].output_config"],
    ),
    (
        "thinking.adaptive.display",
        {"thinking": {"type": "adaptive", "display": "x"}},
        {"thinking": {"type": "adaptive"}},
        [],
    ),
    (
        "*.scope",
        {"system": [TEXT | CACHED], "tools": [TOOL | CACHED], "messages": [USER | {"content": [TEXT | CACHED]}]},
        {"system": [TEXT | LESS], "tools": [TOOL | LESS], "messages": [USER | {"content": [TEXT | LESS]}]},
        [],
    ),
    (
        "*.cache_control",
        {
            "messages": [
                {"role": "user", "content": [TEXT | CACHED, {"type": "tool_result", "content": [TEXT | CACHED]}]}
            ]
        },
        {"messages": [{"role": "user", "content": [TEXT, {"type": "tool_result", "content": [TEXT]}]}]},
        [],
    ),
    ("*.strict", {"tools": [TOOL | {"strict": True}]}, {"tools": [TOOL]}, []),
    (
        "*.strict",
        {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        [],
    ),
    (
        "*.name",
        {"messages": [USER | {"name": "n"}], "tools": [TOOL], "input": [{"type": "function_call", "name": "f"}]},
        {"messages": [USER], "tools": [TOOL], "input": [{"type": "function_call", "name": "f"}]},
        ["messages[0].name"],
    ),
]


@pytest.mark.parametrize(("place", "before", "after", "lost"), ROWS, ids=[row[0] for row in ROWS])
def test_a_field_is_left_out(place: str, before: dict[str, Any], after: dict[str, Any], lost: list[str]) -> None:
    assert changed(without_field, before, place) == (after, lost)
    assert changed(without_field, after, place) == (after, [])


@pytest.mark.parametrize(
    "place",
    [
        "messages",
        "messages.content",
        "messages.role",
        "tools.name",
        "tools.function.parameters",
        "input.call_id",
        "messages.tool_calls.id",
        "input.id",
        "tools.id",
        "model.name",
        "temperature",
        "",
        "messages.",
        "messages.2",
        "tools.custom.input_schema",
        "tools.custom.absent",
        "tools.custom.format",
        "thinking.type.enabled",
        "*.text",
        "*.id",
        "*",
        "*.absent",
    ],
)
def test_what_carries_meaning_stays(place: str) -> None:
    body = {"model": {"name": "m"}, "temperature": 1, "messages": [USER], "tools": [{"name": "f"}]}
    assert changed(without_field, body, place) == (body, [])


@pytest.mark.parametrize("value", ["x", None, 5, [], [1, None, "a", [{"name": "n"}], {}]])
def test_odd_bodies_are_left_alone(value: Any) -> None:
    assert changed(without_field, {"messages": value}, "messages.name") == ({"messages": value}, [])
    assert changed(without_field, {"tools": value}, "tools.parameters.const") == ({"tools": value}, [])


def test_a_schema_too_deep_to_change_is_left_alone() -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    fields = {"tools": Raw(b'[{"name":"f","input_schema":%b}]' % deep)}
    assert list(without_field(fields, "tools.parameters.const")) == []


def test_what_may_be_left_out() -> None:
    assert may_leave_out("messages.name")
    assert not may_leave_out("tools.parameters")
    assert may_leave_out("tools.function.parameters.format")
    assert may_leave_out("tools.function.parameters.properties.type.const")


def test_what_stands_in_a_call_or_a_schema_is_the_clients_own() -> None:
    """Servers that name no place mean the API's own objects."""
    body = {"messages": [{"role": "assistant", "content": [USE]}], "tools": [TOOL]}
    assert changed(without_field, body, "*.caller") == (body, [])
    assert changed(without_field, body, "*.strict") == (body, [])
