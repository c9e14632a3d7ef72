"""Tools, their schemas and the choice among them, as OpenAI takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from tests.wires.openai_responses.world import ask, encode, encoded, raw, tool

LONG = "mcp__a_server_with_quite_a_long_name_of_its_own__and_group__search_documents"
FITTING = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}], "$schema": "x"}}, "required": ["a"]}


def sent(*tools: AnyTool) -> list[dict[str, Any]]:
    return list(encoded(ask(tools=tools)).get("tools", []))


def test_a_function_is_flat_and_not_strict() -> None:
    asked = Tool(name="read", description="reads", parameters=raw(FITTING))
    expected = {"type": "function", "name": "read", "parameters": FITTING, "strict": False, "description": "reads"}
    assert sent(asked) == [expected]


def test_strict_is_kept() -> None:
    assert sent(Tool(name="read", parameters=raw(FITTING), strict=True))[0]["strict"] is True


@pytest.mark.parametrize(
    "text", [b'{"type" : "object", "properties":{ "a":{}}}', json.dumps(FITTING, indent=2).encode()]
)
def test_a_schema_that_fits_is_passed_byte_for_byte(text: bytes) -> None:
    assert text in encode(ask(tools=(Tool(name="a", parameters=Raw(text)),))).body


EMPTY = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("expected", "schema", "lost"),
    [
        (EMPTY, {}, ()),
        (EMPTY, {"type": "object"}, ()),
        (EMPTY, None, ()),
        (EMPTY, "nonsense", ()),
        (EMPTY, True, ()),
        ({"properties": {"a": {}}, "type": "object"}, {"properties": {"a": {}}}, ()),
        (EMPTY, {"type": ["object", "null"], "properties": {}}, ()),
        (FITTING, {"$schema": "https://json-schema.org/draft/2020-12/schema", **FITTING}, ()),
        (FITTING, {"$schema": "http://json-schema.org/draft-07/schema#", **FITTING}, ()),
        (FITTING, {**FITTING, "$schema": "x", "cache_control": {"type": "ephemeral"}, "defer_loading": True}, ()),
        (FITTING, {**FITTING, "anyOf": [{"required": ["a"]}]}, ("tools.t.anyOf",)),
        (FITTING, {**FITTING, "oneOf": [], "not": {}}, ("tools.t.oneOf", "tools.t.not")),
    ],
)
def test_schemas_are_made_to_fit(expected: object, schema: object, lost: tuple[str, ...]) -> None:
    body = encode(ask(tools=(tool("other"), Tool(name="t", parameters=raw(schema)))))
    assert json.loads(body.body)["tools"][1]["parameters"] == expected
    assert body.lost == lost


def test_claude_codes_schemas_lose_their_dialect() -> None:
    """Its schemas are written without spaces, which is the fast path."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **FITTING}
    compact = Raw(json.dumps(schema, separators=(",", ":")).encode())
    assert sent(Tool(name="t", parameters=compact))[0]["parameters"] == FITTING


def test_a_missing_schema_takes_no_arguments() -> None:
    assert sent(Tool(name="t"))[0]["parameters"] == EMPTY


def test_long_names_are_shortened_and_restorable() -> None:
    body = encode(ask(tools=(tool(LONG), tool("read")), tool_choice=ToolChoice("tool", LONG)))
    assert [each["name"] for each in json.loads(body.body)["tools"]] == ["mcp__search_documents", "read"]
    assert json.loads(body.body)["tool_choice"] == {"type": "function", "name": "mcp__search_documents"}
    assert body.tool_names == {"mcp__search_documents": LONG}


def test_custom_tools_keep_their_grammar() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}
    custom = Tool(name="patch", description="d", kind="custom", format=raw(grammar))
    assert sent(custom) == [{"type": "custom", "name": "patch", "description": "d", "format": grammar}]


def test_web_search_keeps_what_this_wire_knows() -> None:
    place = {"type": "approximate", "city": "Kyiv"}
    search = WebSearch(allowed_domains=("a.example",), user_location=raw(place))
    expected = {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": place}
    assert sent(search) == [expected]


def test_web_search_tells_what_it_loses() -> None:
    body = encode(ask(tools=(WebSearch(blocked_domains=("b.example",), max_uses=3),)))
    assert json.loads(body.body)["tools"] == [{"type": "web_search"}]
    assert body.lost == ("tools.web_search.blocked_domains", "tools.web_search.max_uses")


def test_a_function_called_web_search_stays_a_function() -> None:
    assert sent(tool("web_search"))[0]["type"] == "function"


def test_tools_of_this_wire_come_back_and_others_are_reported() -> None:
    own = OpaqueTool("responses", "ns", raw({"type": "namespace", "name": "ns", "tools": []}))
    body = encode(ask(tools=(own, OpaqueTool("messages", "bash", raw({"type": "bash_20250124"})))))
    assert json.loads(body.body)["tools"] == [{"type": "namespace", "name": "ns", "tools": []}]
    assert body.lost == ("tools.bash",)


@pytest.mark.parametrize(
    ("expected", "choice", "tools"),
    [
        ("auto", ToolChoice("auto"), (tool(),)),
        ("required", ToolChoice("any"), (tool(),)),
        ("none", ToolChoice("none"), (tool(),)),
        ({"type": "function", "name": "read"}, ToolChoice("tool", "read"), (tool(),)),
        ({"type": "custom", "name": "p"}, ToolChoice("tool", "p"), (Tool(name="p", kind="custom"),)),
        ({"type": "web_search"}, ToolChoice("tool", "web_search"), (WebSearch(),)),
        ({"type": "web_search"}, ToolChoice("tool", "web_search", "web_search"), (WebSearch(name="search"),)),
        ({"type": "function", "name": "web_search"}, ToolChoice("tool", "web_search"), (tool("web_search"),)),
        ({"type": "function", "name": "gone"}, ToolChoice("tool", "gone"), (tool(),)),
        (None, ToolChoice("any"), ()),
        (None, None, (tool(),)),
    ],
)
def test_choices(expected: object, choice: ToolChoice | None, tools: tuple[AnyTool, ...]) -> None:
    assert encoded(ask(tools=tools, tool_choice=choice)).get("tool_choice") == expected


@pytest.mark.parametrize(
    ("expected", "asked", "tools"),
    [(True, None, (tool(),)), (True, True, (tool(),)), (False, False, (tool(),)), (None, None, ()), (None, False, ())],
)
def test_parallel_calls(expected: bool | None, asked: bool | None, tools: tuple[AnyTool, ...]) -> None:
    assert encoded(ask(tools=tools, parallel_tool_calls=asked)).get("parallel_tool_calls") is expected
