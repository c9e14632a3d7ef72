"""Tools and tool choice on their way up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.base import EncodeOptions
from daemon.wires.openai_chat import WIRE
from daemon.wires.tools import ToolNames
from tests.wires.openai_chat.world import GPT_4, GPT_5, ask, encoded, raw, tool

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
SEARCHER = EncodeOptions(model="gpt-4o-search-preview", store=None)


def function(name: str = "read", parameters: Any = SCHEMA, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **fields}}


TOOLS: list[tuple[str, str, AnyTool, dict[str, Any] | None, list[str]]] = [
    ("a function", "messages", tool(description="Reads."), function(description="Reads."), []),
    ("no schema", "messages", Tool(name="read"), function(), []),
    ("no schema from this wire", "chat", Tool(name="read"), {"type": "function", "function": {"name": "read"}}, []),
    ("strict", "messages", tool(strict=True), function(strict=True), []),
    ("not strict, which is the default", "responses", tool(strict=False), function(), []),
    ("not strict, as this wire said", "chat", tool(strict=False), function(strict=False), []),
    (
        "a schema that OpenAI refuses",
        "messages",
        Tool(name="read", parameters=raw({"anyOf": [], "$schema": "x", "properties": {"a": {}}})),
        function(parameters={"properties": {"a": {}}, "type": "object"}),
        ["tools.read.anyOf"],
    ),
    (
        "a custom tool",
        "responses",
        tool("patch", kind="custom", description="Edits.", format=raw({"type": "grammar"})),
        function(
            "patch",
            {
                "type": "object",
                "properties": {"input": {"type": "string"}},
                "required": ["input"],
                "additionalProperties": False,
            },
            description='Edits.\n\nThe input must follow this format: {"type": "grammar"}',
        ),
        ["tools.patch.format"],
    ),
    (
        "a custom tool of this wire",
        "chat",
        tool("patch", kind="custom", description="Edits.", format=raw({"type": "grammar"})),
        {"type": "custom", "custom": {"name": "patch", "description": "Edits.", "format": {"type": "grammar"}}},
        [],
    ),
    ("this wire's own", "chat", OpaqueTool("chat", "x", raw({"type": "x"})), {"type": "x"}, []),
    ("another wire's own", "responses", OpaqueTool("responses", "tool_search", raw({})), None, ["tools.tool_search"]),
    ("a web search", "messages", WebSearch(), None, ["tools.web_search"]),
]


@pytest.mark.parametrize(
    ("wire", "given", "expected", "lost"), [row[1:] for row in TOOLS], ids=[row[0] for row in TOOLS]
)
def test_tools(wire: str, given: AnyTool, expected: dict[str, Any] | None, lost: list[str]) -> None:
    body = WIRE.encode_request(ask(wire=wire, tools=(given,)), GPT_4)
    assert json.loads(body.body).get("tools") == (None if expected is None else [expected])
    assert body.lost == tuple(lost)


def test_only_tools_that_travel_as_functions_are_unwrapped() -> None:
    custom = tool("apply.patch", kind="custom")
    for entry, wrapped in (("responses", {"apply_patch"}), ("chat", frozenset())):
        names = WIRE.encode_request(ask(wire=entry, tools=(custom, tool())), GPT_4).tool_names
        assert isinstance(names, ToolNames) and names.custom == wrapped


CHOICES: list[tuple[ToolChoice | None, str, Any]] = [
    (None, "messages", None),
    (ToolChoice("auto"), "messages", "auto"),
    (ToolChoice("any"), "messages", "required"),
    (ToolChoice("none"), "messages", "none"),
    (ToolChoice("tool", "a.b"), "messages", {"type": "function", "function": {"name": "a_b"}}),
    (ToolChoice("tool", "patch", "custom"), "messages", {"type": "function", "function": {"name": "patch"}}),
    (ToolChoice("tool", "patch"), "chat", {"type": "custom", "custom": {"name": "patch"}}),
    (ToolChoice("tool", "gone"), "messages", {"type": "function", "function": {"name": "gone"}}),
]


@pytest.mark.parametrize(("choice", "wire", "expected"), CHOICES)
def test_choices(choice: ToolChoice | None, wire: str, expected: Any) -> None:
    tools = (tool("a.b"), tool("patch", kind="custom"))
    assert encoded(ask(wire=wire, tools=tools, tool_choice=choice)).get("tool_choice") == expected


def test_without_tools_there_is_no_choice() -> None:
    assert "tool_choice" not in encoded(ask(tool_choice=ToolChoice("auto"), parallel_tool_calls=False))


def test_a_forced_search_is_reported() -> None:
    choice = ToolChoice("tool", "web_search", "web_search")
    body = WIRE.encode_request(ask(tools=(tool(), WebSearch()), tool_choice=choice), GPT_4)
    assert body.lost == ("tools.web_search", "tool_choice") and b"tool_choice" not in body.body


@pytest.mark.parametrize(
    ("wire", "said", "sent"),
    [
        ("responses", True, None),
        ("responses", False, False),
        ("chat", True, True),
        ("chat", None, None),
    ],
)
def test_calls_in_parallel_are_the_default(wire: str, said: bool | None, sent: bool | None) -> None:
    assert encoded(ask(wire=wire, tools=(tool(),), parallel_tool_calls=said)).get("parallel_tool_calls") == sent


PLACE = {"type": "approximate", "approximate": {"city": "Rome"}}


@pytest.mark.parametrize(
    ("location", "options"),
    [
        (None, {}),
        ({"type": "approximate", "city": "Rome", "country": None}, {"user_location": PLACE}),
        (PLACE, {"user_location": PLACE}),
        ([], {}),
    ],
)
def test_search_models_search_by_an_option(location: object, options: object) -> None:
    search = WebSearch(user_location=None if location is None else raw(location))
    body = WIRE.encode_request(ask(tools=(search,)), SEARCHER)
    assert json.loads(body.body)["web_search_options"] == options and body.lost == ()


def test_limits_of_a_search_are_reported() -> None:
    search = WebSearch(allowed_domains=("a",), blocked_domains=("b",), max_uses=1)
    lost = WIRE.encode_request(ask(tools=(search,)), SEARCHER).lost
    assert lost == tuple(f"tools.web_search.{name}" for name in ("allowed_domains", "blocked_domains", "max_uses"))
    assert "web_search_options" not in encoded(ask(tools=(search,)), GPT_5)
