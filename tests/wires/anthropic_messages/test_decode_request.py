"""Every shape that Claude Code and the SDKs send, and what is refused in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import Text
from daemon.inference.request import Message, OpaqueTool, ReasoningOptions, Request, Tool, ToolChoice, WebSearch
from daemon.wires.anthropic_messages import WIRE, decode_count_request

USER = {"role": "user", "content": "hi"}
HELLO = Text("hi")


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "gpt-5", "max_tokens": 10, "messages": [USER]} | fields).encode()


def request(headers: dict[str, str] | None = None, **fields: Any) -> Request:
    return WIRE.decode_request(body(**fields), headers or {})


def raw(value: Raw | None) -> object:
    return None if value is None else json.loads(bytes(value))


TEXT = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}

SYSTEM: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("absent", {}, ()),
    ("null", {"system": None}, ()),
    ("empty", {"system": ""}, ()),
    ("empty array", {"system": []}, ()),
    ("string", {"system": "be kind"}, ("be kind",)),
    ("array", {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, ("a", "b")),
    (
        "attribution dropped",
        {
            "system": [
                {"type": "text", "text": "x-anthropic-billing-header: cc_version=2"},
                {"type": "text", "text": "b"},
            ]
        },
        ("b",),
    ),
    ("attribution alone", {"system": "x-anthropic-billing-header: cc_version=2"}, ()),
]


@pytest.mark.parametrize(("fields", "expected"), [row[1:] for row in SYSTEM], ids=[row[0] for row in SYSTEM])
def test_system(fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert tuple(text.text for text in request(**fields).system) == expected


def test_system_messages_stay_where_they_are() -> None:
    given = [
        {"role": "system", "content": "0"},
        USER,
        {"role": "system", "content": "1"},
        {"role": "assistant", "content": "a"},
        {"role": "system", "content": [TEXT]},
    ]
    assert request(messages=given).messages == (
        Message("system", (Text("0"),)),
        Message("user", (HELLO,)),
        Message("system", (Text("1"),)),
        Message("assistant", (Text("a"),)),
        Message("system", (HELLO,)),
    )


def test_tools() -> None:
    schema = {"type": "object", "properties": {}, "$schema": "x"}
    plain, mcp, search, opaque = request(
        tools=[
            {
                "name": "Read",
                "description": "reads",
                "input_schema": schema,
                "defer_loading": False,
                "eager_input_streaming": True,
            },
            {"type": "custom", "name": "mcp__a__b", "input_schema": {"type": "object"}, "strict": True},
            {
                "type": "web_search_20250305",
                "name": "web_search",
                "max_uses": 8,
                "allowed_domains": ["a"],
                "user_location": {"type": "approximate"},
            },
            {"type": "bash_20250124", "name": "bash"},
        ]
    ).tools
    assert isinstance(plain, Tool)
    assert (plain.name, plain.description, raw(plain.parameters), plain.strict) == ("Read", "reads", schema, None)
    assert isinstance(mcp, Tool)
    assert mcp.strict is True
    assert isinstance(search, WebSearch)
    assert (search.max_uses, search.allowed_domains, raw(search.user_location)) == (8, ("a",), {"type": "approximate"})
    assert isinstance(opaque, OpaqueTool)
    assert (opaque.wire, opaque.name, raw(opaque.raw)) == (
        "messages",
        "bash",
        {"type": "bash_20250124", "name": "bash"},
    )


TOOLS = [{"name": "Read", "input_schema": {}}, {"type": "web_search_20260209", "name": "web_search"}]


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("any"), False),
        ({"type": "auto", "disable_parallel_tool_use": False}, ToolChoice("auto"), True),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "Read"}, ToolChoice("tool", "Read"), None),
        ({"type": "tool", "name": "web_search"}, ToolChoice("tool", "web_search", "web_search"), None),
    ],
)
def test_tool_choice(choice: dict[str, Any], expected: ToolChoice, parallel: bool | None) -> None:
    decoded = request(tools=TOOLS, tool_choice=choice)
    assert (decoded.tool_choice, decoded.parallel_tool_calls) == (expected, parallel)


def test_a_client_tool_called_web_search_stays_one() -> None:
    decoded = request(
        tools=[{"name": "web_search", "input_schema": {}}], tool_choice={"type": "tool", "name": "web_search"}
    )
    assert decoded.tool_choice == ToolChoice("tool", "web_search")
    assert isinstance(decoded.tools[0], Tool)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ReasoningOptions()),
        ({"thinking": {"type": "adaptive"}}, ReasoningOptions(enabled=True, visible=True)),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
            ReasoningOptions(enabled=True, visible=True, effort="xhigh"),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 31999}},
            ReasoningOptions(enabled=True, visible=True, budget=31999),
        ),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, ReasoningOptions(enabled=True)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, ReasoningOptions(enabled=True, visible=True)),
        ({"thinking": {"type": "disabled"}}, ReasoningOptions(enabled=False)),
        ({"output_config": {"effort": "low"}}, ReasoningOptions(effort="low")),
    ],
)
def test_thinking(fields: dict[str, Any], expected: ReasoningOptions) -> None:
    assert request(**fields).reasoning == expected


@pytest.mark.parametrize("where", ["output_config", "output_format"])
def test_structured_output(where: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    fields: dict[str, Any] = {where: {"format": form} if where == "output_config" else form}
    output = request(None, **fields).output
    assert output is not None
    assert (output.kind, raw(output.schema)) == ("json_schema", {"type": "object"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "fast"}, "priority"),
        ({"service_tier": "auto"}, None),
        ({"service_tier": 7}, None),
        ({"speed": "fast"}, "priority"),
        ({"speed": "fast", "service_tier": "auto"}, "priority"),
        ({"speed": "standard"}, None),
        ({"speed": {"a": 1}}, None),
    ],
)
def test_service_tier(fields: dict[str, Any], expected: str | None) -> None:
    assert request(**fields).service_tier == expected


def test_sampling() -> None:
    decoded = request(temperature=1, top_p=0.5, top_k=40, stop_sequences=["a", "b"], stream=True)
    assert (decoded.temperature, decoded.top_p, decoded.top_k, decoded.stop) == (1.0, 0.5, 40, ("a", "b"))
    assert (decoded.stream, decoded.max_tokens, decoded.model, decoded.wire) == (True, 10, "gpt-5", "messages")
    assert request().stream is False


def test_unknown_fields_are_kept_raw() -> None:
    decoded = request(
        context_management={"edits": []}, frobnicate=[1], metadata={"user_id": "u", "x": 1}, service_tier="auto"
    )
    assert {name: raw(value) for name, value in decoded.extra["messages"].items()} == {
        "context_management": {"edits": []},
        "frobnicate": [1],
        "service_tier": "auto",
    }
    assert request(context_management={"edits": []}).extra["messages"].keys() == {"context_management"}
    assert request().extra == {}


UUID = "0a1b2c3d-0000-4000-8000-123456789abc"


@pytest.mark.parametrize(
    ("headers", "user", "session"),
    [
        ({}, None, None),
        ({"x-claude-code-session-id": UUID}, None, UUID),
        ({"x-claude-code-session-id": UUID, "x-claude-code-agent-id": "a7"}, None, f"{UUID}:a7"),
        ({}, json.dumps({"device_id": "d", "session_id": UUID}), UUID),
        ({}, f"user_abc_account__session_{UUID}", UUID),
        ({}, "{not json", None),
        ({}, '{"session_id": 7}', None),
        ({}, "someone", None),
        ({"x-claude-code-agent-id": "a7"}, "someone", None),
    ],
)
def test_session(headers: dict[str, str], user: str | None, session: str | None) -> None:
    decoded = request(headers, metadata={"user_id": user})
    assert (decoded.session, decoded.user) == (session, user)


def test_count_tokens_needs_no_max_tokens() -> None:
    decoded = decode_count_request(b'{"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[]}', {})
    assert decoded.max_tokens is None
    with pytest.raises(LocalError, match="max_tokens: Field required"):
        WIRE.decode_request(b'{"model":"m","messages":[{"role":"user","content":"foo"}]}', {})


DEEP = (
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_use","id":"a","name":"b","input":'
)

REFUSED: list[tuple[str, bytes, str]] = [
    ("no messages", body(messages=[]), "messages: at least one message is required"),
    ("messages missing", b'{"model":"m","max_tokens":1}', "messages: Field required"),
    ("model missing", b'{"max_tokens":1,"messages":[]}', "model: Field required"),
    ("model empty", body(model=""), "model: "),
    ("not JSON", b"{", "the request body is not valid JSON"),
    ("empty", b"", "the request body is not valid JSON"),
    ("trailing", body() + b"x", "the request body is not valid JSON"),
    ("not an object", b"[]", "the request body is not valid: Expected `object`, got `array`"),
    ("NaN", b'{"model":"m","max_tokens":NaN,"messages":[]}', "not valid JSON"),
    ("NaN in what stays raw", b'{"model":"m","container":NaN,"messages":[]}', "not valid JSON"),
    ("huge float", body().replace(b"10", b"1e999"), "max_tokens: Number out of range"),
    ("huge integer", body(max_tokens=10**30), "max_tokens: Expected `int` <="),
    ("below zero", body(max_tokens=-1), "max_tokens: Expected `int` >= 0"),
    ("fraction", body(max_tokens=1.5), "max_tokens: Expected `int | null`, got `float`"),
    (
        "role",
        body(messages=[{"role": "robot", "content": "x"}]),
        "messages.0.role: Input should be one of: user, assistant, system",
    ),
    (
        "content type",
        body(messages=[USER, {"role": "user", "content": 3}]),
        "messages.1.content: Expected `str | array`",
    ),
    ("content missing", body(messages=[{"role": "user"}]), "messages.0.content: Field required"),
    (
        "block type missing",
        body(messages=[{"role": "user", "content": [{}]}]),
        "messages.0.content.0.type: Field required",
    ),
    (
        "block field",
        body(messages=[{"role": "user", "content": [{"type": "text"}]}]),
        "messages.0.content.0.text: Field required",
    ),
    (
        "block field type",
        body(messages=[{"role": "user", "content": [TEXT, {"type": "text", "text": 1}]}]),
        "messages.0.content.1.text: Expected `str`, got `int`",
    ),
    (
        "block in a result",
        body(
            messages=[
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t", "content": [TEXT, {"type": "image"}]}],
                }
            ]
        ),
        "messages.0.content.0.content.1.source: Field required",
    ),
    (
        "result without id",
        body(messages=[{"role": "user", "content": [{"type": "tool_result"}]}]),
        "messages.0.content.0.tool_use_id: Field required",
    ),
    (
        "block is no object",
        body(messages=[{"role": "user", "content": [7]}]),
        "messages.0.content.0: Expected `object`",
    ),
    ("tool without name", body(tools=[{"input_schema": {}}]), "tools.0.name: Field required"),
    ("tool choice without name", body(tool_choice={"type": "tool"}), "tool_choice.name: Field required"),
    (
        "thinking type",
        body(thinking={"type": "hard"}),
        "thinking.type: Input should be one of: enabled, adaptive, disabled, between_tools",
    ),
    ("output format", body(output_config={"format": {"type": "xml"}}), "output_config.format"),
    ("bytes that are no UTF-8", body() + b"\xff", "not valid JSON"),
    ("no UTF-8 in what stays raw", body(container="X").replace(b"X", b"\xff"), "not valid JSON"),
    ("lone surrogate", body(messages=[USER]).replace(b'"hi"', b'"\\ud800"'), "not valid JSON"),
    ("deep", DEEP + b"[" * 100_000, "nested too deeply"),
    ("deep, unknown field", b'{"frobnicate":' + b'{"a":' * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("given", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(given: bytes, words: str) -> None:
    with pytest.raises(LocalError) as refused:
        WIRE.decode_request(given, {})
    assert words in refused.value.message
    assert (refused.value.kind, refused.value.status) == (ErrorKind.INVALID_REQUEST, 400)


def test_threads_are_refused_the_way_the_sdk_understands() -> None:
    with pytest.raises(LocalError) as refused:
        request(thread={"type": "create"})
    assert refused.value.details == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert request(thread=None).messages == (Message("user", (HELLO,)),)


def test_a_session_hidden_in_deep_json_is_no_crash() -> None:
    assert request(metadata={"user_id": '{"session_id":' + "[" * 100_000}).session is None
