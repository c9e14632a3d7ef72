"""A client's request to the hub."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.errors import LocalError
from daemon.inference.request import (
    OpaqueTool,
    OutputFormat,
    ReasoningOptions,
    Request,
    Tool,
    ToolChoice,
    WebSearch,
)
from daemon.wires.openai_chat import WIRE
from tests.wires.openai_chat.world import decoded, raw, turn


def test_a_plain_request() -> None:
    assert decoded() == Request(
        wire="chat",
        model="gpt-5",
        messages=(turn("user", "hello"),),
        include_usage=False,
        extra={"chat": {}},
    )


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"a": 1}, "description": "d", "strict": True}}
CUSTOM = {"type": "custom", "custom": {"name": "patch", "description": "d", "format": {"type": "text"}}}
HUB_FUNCTION = Tool(name="f", description="d", parameters=Raw(b'{"a": 1}'), strict=True)
VISIBLE = {"visible": True}

FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"stream": True}, {"stream": True}),
    ({"stream": None}, {"stream": False}),
    ({"max_tokens": 5}, {"max_tokens": 5}),
    ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
    ({"temperature": 1, "top_p": 0.5, "top_k": 3}, {"temperature": 1.0, "top_p": 0.5, "top_k": 3}),
    ({"stop": "a"}, {"stop": ("a",)}),
    ({"stop": ["a", "b"]}, {"stop": ("a", "b")}),
    ({"stop": None}, {"stop": ()}),
    ({"verbosity": "low", "user": "me"}, {"verbosity": "low", "user": "me"}),
    ({"service_tier": "flex"}, {"service_tier": "flex"}),
    ({"prompt_cache_key": "k"}, {"cache_key": "k", "session": "k"}),
    ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    ({"reasoning_effort": "low"}, {"reasoning": ReasoningOptions(effort="low", visible=True)}),
    ({"reasoning_effort": "none"}, {"reasoning": ReasoningOptions(effort="none")}),
    ({"response_format": {"type": "text"}}, {"output": None}),
    ({"response_format": {"type": "json_object"}}, {"output": OutputFormat(kind="json_object")}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True}}},
        {"output": OutputFormat(kind="json_schema", name="n", schema=Raw(b'{"a": 1}'), strict=True)},
    ),
    ({"tools": [FUNCTION]}, {"tools": (HUB_FUNCTION,)}),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": None}}]}, {"tools": (Tool(name="f"),)}),
    (
        {"tools": [CUSTOM]},
        {"tools": (Tool(name="patch", description="d", kind="custom", format=Raw(b'{"type": "text"}')),)},
    ),
    ({"tools": [{"type": "x"}]}, {"tools": (OpaqueTool("chat", "x", raw({"type": "x"})),)}),
    ({"tools": [{**CUSTOM, "custom": {"name": "f"}}, FUNCTION]}, {"tools": (HUB_FUNCTION,)}),
    ({"functions": [{"name": "f"}], "function_call": {"name": "f"}}, {"tool_choice": ToolChoice("tool", "f")}),
    ({"functions": [{"name": "f"}], "function_call": "auto"}, {"tool_choice": ToolChoice("auto")}),
    ({"functions": [{"name": "f"}], "function_call": {}}, {"tools": (Tool(name="f"),), "tool_choice": None}),
    ({"tool_choice": "auto"}, {"tool_choice": ToolChoice("auto")}),
    ({"tool_choice": "none"}, {"tool_choice": ToolChoice("none")}),
    ({"tool_choice": "required"}, {"tool_choice": ToolChoice("any")}),
    ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"tool_choice": ToolChoice("tool", "f")}),
    ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}}, {"tool_choice": ToolChoice("tool", "f", "custom")}),
]


@pytest.mark.parametrize(("body", "fields"), FIELDS)
def test_fields(body: dict[str, Any], fields: dict[str, Any]) -> None:
    request = decoded(**body)
    assert {name: getattr(request, name) for name in fields} == fields
    assert request.extra == {"chat": {}}


KEPT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"stream_options": {"include_usage": True}}, {"include_usage": True}),
    ({"stream_options": {}}, {"include_usage": False}),
    ({"web_search_options": {}}, {"tools": (WebSearch(),)}),
    (
        {"web_search_options": {"user_location": {"type": "approximate"}}},
        {"tools": (WebSearch(user_location=Raw(b'{"type": "approximate"}')),)},
    ),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, {"tool_choice": None}),
    ({"seed": 1}, {}),
    ({"reasoning": {"effort": "low"}}, {"reasoning": ReasoningOptions(effort="low", visible=True)}),
    (
        {"reasoning": {"max_tokens": 9, "exclude": True}},
        {"reasoning": ReasoningOptions(budget=9)},
    ),
    ({"reasoning": {"enabled": True}}, {"reasoning": ReasoningOptions(enabled=True, visible=True)}),
    ({"reasoning": {"enabled": False, "effort": "low"}}, {"reasoning": ReasoningOptions(enabled=False, effort="low")}),
]


@pytest.mark.parametrize(("body", "fields"), KEPT)
def test_fields_that_only_this_wire_knows_are_kept_as_well(body: dict[str, Any], fields: dict[str, Any]) -> None:
    request = decoded(**body)
    assert {name: getattr(request, name) for name in fields} == fields
    assert {name: json.loads(bytes(value)) for name, value in request.extra["chat"].items()} == body


def test_null_says_nothing() -> None:
    names = ("metadata", "stream_options", "web_search_options", "reasoning", "tool_choice", "tools", "temperature")
    assert decoded(**dict.fromkeys(names)) == decoded()


def test_a_session_is_named_by_a_header_first() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt_cache_key": "k"}).encode()
    assert WIRE.decode_request(body, {"x-session-id": "s", "session-id": ""}).session == "s"


MISTAKES: list[tuple[dict[str, Any], str | None, str]] = [
    ({"model": None}, "model", "Missing required parameter: 'model'"),
    ({"messages": None}, "messages", "Missing required parameter: 'messages'"),
    ({"messages": []}, "messages", "Expected an array with minimum length 1"),
    ({"messages": "hi"}, "messages", "Invalid type for 'messages'"),
    ({"messages": [{"role": 1}]}, "messages[0].role", "Expected `str`"),
    ({"stop": 1}, "stop", "Invalid type for 'stop'"),
    ({"tools": [1]}, "tools[0]", "Expected `object`"),
    ({"tools": [{}]}, "tools[0].type", "Missing"),
    ({"tools": [{"type": "function"}]}, "tools[0].function.name", "Missing"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name", "Missing"),
    ({"functions": [{}]}, "functions[0].name", "Missing"),
    ({"tool_choice": "maybe"}, "tool_choice", "Supported values"),
    ({"tool_choice": 1}, "tool_choice", "Expected `object`"),
    ({"response_format": {"type": "xml"}}, "response_format", "Supported values"),
    ({"response_format": {"type": "json_schema"}}, "response_format", "Supported values"),
]


@pytest.mark.parametrize(("body", "param", "words"), MISTAKES)
def test_mistakes_are_named_by_their_place(body: dict[str, Any], param: str | None, words: str) -> None:
    with pytest.raises(LocalError) as caught:
        decoded(**body)
    error = caught.value
    assert error.status == 400 and error.param is not None and error.param.startswith(param or "")
    assert words in error.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"model":"\xff"}', b"[" * 5000])
def test_bodies_that_are_none(body: bytes) -> None:
    with pytest.raises(LocalError) as caught:
        WIRE.decode_request(body, {})
    assert caught.value.status == 400
