"""What goes up to a Messages upstream, from any entry, and what is reported as lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.blocks import (
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.request import (
    Message,
    OpaqueTool,
    OutputFormat,
    ReasoningOptions,
    Request,
    Tool,
    ToolChoice,
    WebSearch,
)
from daemon.wires.anthropic_messages import WIRE
from daemon.wires.base import EncodeOptions, UpstreamBody

HI = Message("user", (Text("hi"),))


def encode(*messages: Message, options: dict[str, Any] | None = None, **fields: Any) -> UpstreamBody:
    request = Request(**({"wire": "responses", "model": "asked", "messages": messages or (HI,)} | fields))
    return WIRE.encode_request(request, EncodeOptions(**({"model": "claude-x"} | (options or {}))))


def body(*messages: Message, **fields: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode(*messages, **fields).body)
    return decoded


def test_the_least_request() -> None:
    assert body() == {
        "model": "claude-x",
        "max_tokens": 32_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("system", "messages", "sent_system", "first"),
    [
        ("A", (), None, "A"),
        ("A", (Message("system", (Text("B"),)),), ["A"], "B"),
        ("", (Message("developer", (Text("B"),)),), None, "B"),
        ("A", (HI,), ["A"], "hi"),
        ("", (Message("assistant", (Text("yes"),)),), None, "Continue."),
        ("", (Message("assistant", (Text("yes"),)), Message("system", (Text("B"),))), None, "yes"),
    ],
)
def test_the_user_says_something_in_each_request(
    system: str, messages: tuple[Message, ...], sent_system: list[str] | None, first: str
) -> None:
    """The API wants one turn of the user's at least: the last system text, where there is nothing else."""
    request = Request(wire="chat", model="m", messages=messages, system=(Text(system),) if system else ())
    given = json.loads(WIRE.encode_request(request, EncodeOptions(model="m")).body)
    assert "user" in [turn["role"] for turn in given["messages"]]
    assert given["messages"][0]["content"][0]["text"] == first
    assert [block["text"] for block in given.get("system", ())] == (sent_system or [])


def test_a_request_that_says_nothing_is_left_for_the_upstream_to_refuse() -> None:
    given = json.loads(
        WIRE.encode_request(Request(wire="responses", model="m", messages=()), EncodeOptions(model="m")).body
    )
    assert given["messages"] == []


LONG = "mcp__server__" + "x" * 130
READ = Tool(name="Read", description="reads", parameters=Raw(b'{"type":"object"}'))


def test_tools() -> None:
    encoded = encode(
        Message("assistant", (ToolCall(id="a", name=LONG, arguments=""),)),
        tools=(
            READ,
            Tool(name=LONG, parameters=Raw(b'{"properties":{}}')),
            Tool(name="bare"),
            Tool(name="exec", kind="custom"),
            WebSearch(allowed_domains=("a",), max_uses=3),
            OpaqueTool("messages", "bash", Raw(b'{"type":"bash_20250124","name":"bash"}')),
            OpaqueTool("responses", "tool_search", Raw(b"{}")),
        ),
        tool_choice=ToolChoice("tool", LONG),
        parallel_tool_calls=False,
    )
    given = json.loads(encoded.body)
    short = given["tools"][1]["name"]
    assert len(short) <= 128
    assert encoded.tool_names == {short: LONG}
    assert given["tools"] == [
        {"name": "Read", "description": "reads", "input_schema": {"type": "object", "properties": {}}},
        {"name": short, "input_schema": {"type": "object", "properties": {}}},
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
        {
            "name": "exec",
            "input_schema": {
                "type": "object",
                "properties": {"input": {"type": "string"}},
                "required": ["input"],
                "additionalProperties": False,
            },
        },
        {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a"], "max_uses": 3},
        {"type": "bash_20250124", "name": "bash"},
    ]
    assert given["tool_choice"] == {"type": "tool", "name": short, "disable_parallel_tool_use": True}
    (used,) = (part for each in given["messages"] for part in each["content"] if part["type"] == "tool_use")
    assert used["name"] == short
    assert encoded.lost == ("tools.tool_search",)


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("any"), None, {"type": "any"}),
        (ToolChoice("any"), True, {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("tool", "Read"), None, {"type": "tool", "name": "Read"}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, expected: dict[str, Any] | None) -> None:
    given = body(tools=(READ,), tool_choice=choice, parallel_tool_calls=parallel)
    assert given.get("tool_choice") == expected
    assert "tool_choice" not in body(tool_choice=choice, parallel_tool_calls=parallel)


def test_sampling() -> None:
    encoded = encode(
        temperature=1.7, top_p=0.5, top_k=4, stop=("a", "\n"), max_tokens=5, verbosity="low", service_tier="flex"
    )
    given = json.loads(encoded.body)
    assert (given["temperature"], given["top_p"], given["top_k"]) == (1.0, 0.5, 4)
    assert (given["stop_sequences"], given["max_tokens"]) == (["a"], 5)
    assert set(encoded.lost) == {"temperature", "stop", "verbosity", "service_tier"}


def test_parameters_that_the_upstream_lacks_are_left_out_and_reported() -> None:
    encoded = encode(top_p=0.5, options={"unsupported": frozenset({"top_p", "top_k"})})
    assert "top_p" not in json.loads(encoded.body)
    assert encoded.lost == ("top_p",)


CALLED = (
    HI,
    Message("assistant", (ToolCall(id="a", name="R", arguments=""),)),
    Message("user", (ToolResult(call_id="a"),)),
)
THINKING: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any] | None]] = [
    ("nothing asked", {}, {}, None),
    ("effort", {"reasoning": ReasoningOptions(effort="low")}, {}, {"type": "enabled", "budget_tokens": 1024}),
    (
        "suffix beats effort",
        {"reasoning": ReasoningOptions(effort="low")},
        {"effort": "high"},
        {"type": "enabled", "budget_tokens": 24_576},
    ),
    ("default effort", {}, {"default_effort": "medium"}, {"type": "enabled", "budget_tokens": 8192}),
    ("no effort", {"reasoning": ReasoningOptions(effort="none")}, {"default_effort": "high"}, {"type": "disabled"}),
    ("off", {"reasoning": ReasoningOptions(enabled=False)}, {"default_effort": "high"}, {"type": "disabled"}),
    (
        "room",
        {"reasoning": ReasoningOptions(effort="high"), "max_tokens": 4000},
        {},
        {"type": "enabled", "budget_tokens": 3999},
    ),
    ("no room", {"reasoning": ReasoningOptions(effort="high"), "max_tokens": 900}, {}, None),
    (
        "forced tool",
        {"reasoning": ReasoningOptions(effort="high"), "tools": (READ,), "tool_choice": ToolChoice("any")},
        {},
        None,
    ),
    ("begun without", {"reasoning": ReasoningOptions(effort="high"), "messages": CALLED}, {}, None),
    (
        "own adaptive",
        {"wire": "messages", "reasoning": ReasoningOptions(enabled=True, effort="low")},
        {},
        {"type": "adaptive"},
    ),
    (
        "own budget",
        {"wire": "messages", "reasoning": ReasoningOptions(enabled=True, budget=2000)},
        {},
        {"type": "enabled", "budget_tokens": 2000},
    ),
    ("own silence", {"wire": "messages"}, {"default_effort": "high"}, None),
]


@pytest.mark.parametrize(
    ("fields", "options", "expected"), [row[1:] for row in THINKING], ids=[row[0] for row in THINKING]
)
def test_thinking(fields: dict[str, Any], options: dict[str, Any], expected: dict[str, Any] | None) -> None:
    encoded = encode(options=options, **fields)
    given = json.loads(encoded.body)
    assert given.get("thinking") == expected
    if expected and "budget_tokens" in expected:
        assert given["max_tokens"] > expected["budget_tokens"]


def test_thinking_left_out_is_reported_and_so_is_what_it_excludes() -> None:
    effort = ReasoningOptions(effort="high")
    assert encode(reasoning=effort, max_tokens=900).lost == ("reasoning",)
    encoded = encode(reasoning=effort, temperature=0.2, top_k=3)
    assert encoded.lost == ("temperature", "top_k")
    assert not {"temperature", "top_k"} & json.loads(encoded.body).keys()


def test_structured_output() -> None:
    schema = OutputFormat(kind="json_schema", name="n", schema=Raw(b'{"type":"object"}'))
    assert body(output=schema)["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    own = body(output=schema, wire="messages", reasoning=ReasoningOptions(effort="low"))
    assert own["output_config"].keys() == {"effort", "format"}
    assert encode(output=OutputFormat(kind="json_object")).lost == ("output.json_object",)
    assert encode(output=OutputFormat(kind="text")).lost == ()


def test_a_request_of_this_wire_comes_through_whole() -> None:
    """Decoded and encoded again, a Claude Code request means the same."""
    given = {
        "model": "claude-x",
        "max_tokens": 32000,
        "system": [{"type": "text", "text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "system", "content": [{"type": "text", "text": "note"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t1", "name": "Read", "input": {"a": 1}},
                    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [{"type": "tool_reference", "tool_name": "Grep"}],
                        "is_error": False,
                    }
                ],
            },
        ],
        "tools": [{"name": "Read", "description": "reads", "input_schema": {"type": "object", "properties": {}}}],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": []},
        "metadata": {"user_id": "u"},
        "frobnicate": 1,
        "stream": True,
    }
    request = WIRE.decode_request(json.dumps(given).encode(), {})
    encoded = WIRE.encode_request(request, EncodeOptions(model="claude-x"))
    assert json.loads(encoded.body) == given
    assert encoded.lost == ()
