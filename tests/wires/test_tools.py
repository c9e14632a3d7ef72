"""Namespaces, custom tools and tools inside the conversation: Codex' shapes over upstreams that know none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from daemon.inference.blocks import ToolCall
from daemon.inference.collect import collect, replay
from daemon.inference.request import OpaqueTool, Request, Tool
from daemon.wires.base import AnswerContext, EncodeOptions, UpstreamBody
from daemon.wires.openai_responses.tool_search import call_item
from daemon.wires.table import WIRES
from daemon.wires.tools import SentNames, called_tool, offered_tools
from tests.wires.grammar_responses import check

FLAT = ("chat", "messages")
JAVASCRIPT = 'text("é");\n'
EXEC = {"type": "custom", "name": "exec", "description": "runs", "format": {"type": "grammar"}}
WAIT = {"type": "function", "name": "wait", "parameters": {"type": "object", "properties": {}}}
FUNCTIONS = {"type": "namespace", "name": "functions", "tools": [EXEC, WAIT]}
ADDITIONAL = {"type": "additional_tools", "role": "developer", "tools": [FUNCTIONS]}
HISTORY = [
    {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "namespace": "functions", "input": JAVASCRIPT},
    {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
    {"type": "function_call", "call_id": "c2", "name": "gone", "namespace": "old", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c2", "output": "done"},
]
SEARCH = {
    "type": "tool_search",
    "execution": "client",
    "description": "finds tools",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
SEND = {"type": "function", "name": "send", "parameters": {"type": "object", "properties": {}}, "defer_loading": True}
SEARCHED: list[dict[str, Any]] = [
    {"type": "tool_search_call", "call_id": "s1", "execution": "client", "arguments": {"query": "mail"}},
    {
        "type": "tool_search_output",
        "call_id": "s1",
        "execution": "client",
        "tools": [{"type": "namespace", "name": "mail", "tools": [SEND]}],
    },
]
USER = {"role": "user", "content": "go"}
RULES = {"role": "developer", "content": "be kind"}


def ask(*items: dict[str, Any], **body: Any) -> Request:
    whole = {"model": "gpt-5.6", "input": [*items], **body}
    return WIRES["responses"].decode_request(json.dumps(whole).encode(), {})


def sent(request: Request, wire: str) -> UpstreamBody:
    return WIRES[wire].encode_request(request, EncodeOptions(model="gpt-5"))


def offered(body: UpstreamBody) -> list[tuple[str, list[str]]]:
    """Name and parameters of each function."""
    functions = [tool.get("function", tool) for tool in json.loads(body.body)["tools"]]
    return [
        (function["name"], list((function.get("parameters") or function.get("input_schema"))["properties"]))
        for function in functions
    ]


def called(body: UpstreamBody) -> list[tuple[str, Any]]:
    """Name and arguments of each call in the history."""
    calls: list[tuple[str, Any]] = []
    for message in json.loads(body.body)["messages"]:
        calls += [
            (call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        ]
        blocks = message["content"] if isinstance(message["content"], list) else []
        calls += [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    return calls


def answer(wire: str, name: str, arguments: str) -> bytes:
    """An upstream's stream with one call."""
    if wire == "chat":
        call = {"index": 0, "id": "u1", "type": "function", "function": {"name": name, "arguments": arguments}}
        choices = [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]
        last = [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
        chunks = [{"id": "a", "model": "m", "choices": choices}, {"id": "a", "model": "m", "choices": last}]
        return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"
    block = {"type": "tool_use", "id": "u1", "name": name, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": arguments}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "a", "model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def whole_answer(wire: str, name: str, arguments: dict[str, str]) -> bytes:
    if wire == "chat":
        call = {"id": "u1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return json.dumps({"id": "a", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()
    block = {"type": "tool_use", "id": "u1", "name": name, "input": arguments}
    body = {"id": "a", "type": "message", "role": "assistant", "model": "m", "content": [block]}
    return json.dumps({**body, "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}).encode()


@pytest.mark.parametrize("wire", FLAT)
@pytest.mark.parametrize(
    "request_", [ask(ADDITIONAL, USER), ask(USER, tools=[FUNCTIONS])], ids=["additional_tools", "namespace"]
)
def test_a_namespace_goes_up_flat(wire: str, request_: Request) -> None:
    body = sent(request_, wire)
    assert offered(body) == [("functions__exec", ["input"]), ("functions__wait", [])]
    assert body.lost == ("tools.functions.exec.format",)
    assert b"additional_tools" not in body.body


@pytest.mark.parametrize("wire", FLAT)
def test_calls_of_earlier_turns_bear_the_same_names(wire: str) -> None:
    """Also one of a tool that is offered no more."""
    body = sent(ask(ADDITIONAL, USER, *HISTORY), wire)
    assert called(body) == [("functions__exec", {"input": JAVASCRIPT}), ("old__gone", {})]


@pytest.mark.parametrize("wire", FLAT)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_client_sees_the_call_of_its_own_tool(wire: str, size: int) -> None:
    """Name, namespace and kind are back in the item that Codex reads, however the bytes came."""
    request = ask(ADDITIONAL, USER)
    names = sent(request, wire).tool_names
    arguments = json.dumps({"input": JAVASCRIPT})
    stream = answer(wire, "functions__exec", arguments)
    decoder = WIRES[wire].stream_decoder(names)
    events = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]
    events += decoder.close()
    expected = ToolCall(id="u1", name="exec", arguments=JAVASCRIPT, kind="custom", namespace="functions")
    assert collect(events).content == (expected,)

    context = AnswerContext(model="gpt-5.6", answer_id="ab" * 16, created=1, input_estimate=1, request=request)
    text = WIRES["responses"].stream_encoder(context).encode(events).decode()
    done = [line for line in text.splitlines() if line.startswith("data:") and '"response.output_item.done"' in line]
    item = json.loads(done[0].removeprefix("data:"))["item"]
    shown = {field: item[field] for field in ("type", "name", "namespace", "input", "call_id")}
    assert shown == {
        "type": "custom_tool_call",
        "name": "exec",
        "namespace": "functions",
        "input": JAVASCRIPT,
        "call_id": "u1",
    }


@pytest.mark.parametrize("wire", FLAT)
def test_a_whole_answer_means_the_same(wire: str) -> None:
    names = sent(ask(ADDITIONAL, USER), wire).tool_names
    custom = WIRES[wire].decode_response(whole_answer(wire, "functions__exec", {"input": JAVASCRIPT}), names)
    function = WIRES[wire].decode_response(whole_answer(wire, "functions__wait", {}), names)
    assert custom.content == (
        ToolCall(id="u1", name="exec", arguments=JAVASCRIPT, kind="custom", namespace="functions"),
    )
    assert function.content == (ToolCall(id="u1", name="wait", arguments="{}", namespace="functions"),)
    assert collect(replay(custom)) == custom


def test_a_responses_upstream_gets_what_the_client_sent() -> None:
    request = ask(ADDITIONAL, USER, *HISTORY, tools=[FUNCTIONS])
    body = json.loads(sent(request, "responses").body)
    assert body["tools"] == [FUNCTIONS] and body["input"][0] == ADDITIONAL
    assert body["input"][2]["namespace"] == "functions" and sent(request, "responses").lost == ()


def test_rules_after_the_tools_still_open_the_conversation() -> None:
    body = json.loads(sent(ask(ADDITIONAL, RULES, USER), "messages").body)
    assert body["system"] == [{"type": "text", "text": "be kind"}] and len(body["messages"]) == 1


def test_a_tool_that_is_brought_again_is_one() -> None:
    """The last word counts."""
    again = {"type": "namespace", "name": "functions", "tools": [{**WAIT, "description": "new"}]}
    tools = offered_tools(ask(ADDITIONAL, USER, {**ADDITIONAL, "tools": [again]}, tools=[FUNCTIONS]))
    assert [(tool.name, tool.description) for tool in tools if isinstance(tool, Tool)] == [
        ("exec", "runs"),
        ("wait", "new"),
    ]


def test_what_a_namespace_holds_may_be_opaque() -> None:
    inner = {"type": "namespace", "name": "n", "tools": [{"type": "computer_use"}]}
    (outer,) = ask(USER, tools=[inner]).tools
    assert isinstance(outer, OpaqueTool) and isinstance(outer.lifted[0], OpaqueTool)
    assert sent(ask(USER, tools=[inner]), "chat").lost == ("tools.computer_use",)


@pytest.mark.parametrize("wire", FLAT)
def test_the_clients_search_for_tools_is_a_function(wire: str) -> None:
    """What it found is offered from then on; the upstream's call is the item that Codex reads."""
    request = ask(USER, *SEARCHED, tools=[SEARCH])
    body = sent(request, wire)
    assert offered(body) == [("tool_search", ["query"]), ("mail__send", [])]
    assert called(body) == [("tool_search", {"query": "mail"})] and body.lost == ()
    assert b"from now on: mail__send" in body.body

    events = list(replay(WIRES[wire].decode_response(whole_answer(wire, "tool_search", {"query": "é"}), {})))
    context = AnswerContext(model="gpt-5.5", answer_id="ab" * 16, created=1, input_estimate=1, request=request)
    check(stream := WIRES["responses"].stream_encoder(context).encode(events))
    whole = json.loads(WIRES["responses"].encode_response(collect(events), context))
    assert whole["output"] == [
        {
            "type": "tool_search_call",
            "id": f"tsc_{'ab' * 16}0000",
            "call_id": "u1",
            "arguments": {"query": "é"},
            "status": "completed",
            "execution": "client",
        }
    ]
    assert json.dumps(whole["output"][0]["call_id"]).encode() in stream


def test_a_search_that_openai_runs_is_reported_as_lost() -> None:
    hosted: dict[str, Any] = {"type": "tool_search_call", "execution": "server", "call_id": None, "arguments": {}}
    body = sent(ask(USER, hosted, tools=[{"type": "tool_search"}]), "chat")
    assert body.lost == ("messages[1].tool_search_call", "tools.tool_search")


def test_a_responses_upstream_gets_the_search_as_it_came() -> None:
    body = sent(ask(USER, *SEARCHED, tools=[SEARCH]), "responses")
    assert json.loads(body.body)["input"][1:] == SEARCHED and json.loads(body.body)["tools"] == [SEARCH]


def test_arguments_that_were_cut_go_as_text() -> None:
    item = call_item("c", '{"que', "tsc_1")
    assert (bytes(item.arguments), item.status) == (b'"{\\"que"', "incomplete")


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a__b", "b_", None]), st.sampled_from(["x", "b__x", "a__b__x"]))))
def test_no_two_tools_go_under_one_name(keys: list[tuple[str | None, str]]) -> None:
    """And every name finds its way back."""
    tools = [Tool(name=name, namespace=namespace, parameters=Raw(b"{}")) for namespace, name in keys]
    names = SentNames(tools, 64)
    restored = names.restored()
    flat = {names.of(name, namespace): (namespace, name) for namespace, name in keys}
    assert len(flat) == len(set(keys))
    for sent_name, (namespace, name) in flat.items():
        assert called_tool(restored, sent_name) == (name, namespace, False)
