"""A call that passes through under an id that the conversation holds already."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from daemon.inference.response import FinishReason, Response
from daemon.wires.sse import SseSplitter
from daemon.wires.table import WIRES
from tests.wires.test_call_ids import ANSWER, asked, ids_in

Events = list[dict[str, Any]]


def messages(*ids: str) -> Events:
    blocks: Events = []
    for index, id_ in enumerate(ids):
        block = {"type": "tool_use", "id": id_, "name": "Bash", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": "{}"}
        blocks += [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "gpt-5", "content": [], "usage": {}}
    return [{"type": "message_start", "message": start}, *blocks, {"type": "message_stop"}]


def chat(*ids: str) -> Events:
    calls: Events = []
    for index, id_ in enumerate(ids):
        calls.append({"index": index, "id": id_, "type": "function", "function": {"name": "Bash", "arguments": ""}})
        calls.append({"index": index, "id": id_, "function": {"arguments": "{}"}})  # some servers repeat the id
        calls.append({"index": index, "function": {"arguments": " "}})
    return [{"id": "c", "model": "gpt-5", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]


def responses(*ids: str) -> Events:
    items = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": id_, "name": "Bash", "arguments": "{}"}
        for n, id_ in enumerate(ids)
    ]
    events: Events = []
    for index, item in enumerate(items):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item | {"arguments": ""}})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    answer = {"id": "resp_1", "model": "gpt-5", "status": "completed", "output": items}
    return [*events, {"type": "response.completed", "response": answer}]


def whole(name: str, *ids: str) -> dict[str, Any]:
    if name == "messages":
        blocks = [{"type": "tool_use", "id": id_, "name": "Bash", "input": {}} for id_ in ids]
        return {"id": "m", "type": "message", "model": "gpt-5", "content": blocks}
    if name == "responses":
        answer: dict[str, Any] = responses(*ids)[-1]["response"]
        return answer
    calls = [{"id": id_, "type": "function", "function": {"name": "Bash", "arguments": "{}"}} for id_ in ids]
    return {"id": "c", "model": "gpt-5", "choices": [{"index": 0, "message": {"tool_calls": calls}}]}


def passed(name: str, events: Events, *history: str) -> Events:
    dialect = WIRES[name].passthrough(asked(*history, wire=name), lambda response: b"")
    out = bytearray()
    for event in events:
        payload = json.dumps(event).encode()
        dialect.read(payload)
        out += dialect.event(payload)
    return [json.loads(payload) for payload in SseSplitter().feed(bytes(out))]


STREAMS: dict[str, Callable[..., Events]] = {"messages": messages, "chat": chat, "responses": responses}
per_stream = pytest.mark.parametrize("name", STREAMS)


@per_stream
@pytest.mark.parametrize(
    ("history", "upstream", "expected"),
    [
        (["Bash:0"], ["Bash:0"], ["Bash:1"]),
        (["Bash:0", "Bash:1"], ["Bash:0", "Bash:1"], ["Bash:2", "Bash:3"]),
        (["call_0"], ["call_0", "call_1"], [f"call_{ANSWER}_0", "call_1"]),
        (["x"], ["y", "z"], ["y", "z"]),
    ],
)
def test_each_event_says_the_fresh_id(name: str, history: list[str], upstream: list[str], expected: list[str]) -> None:
    sent = passed(name, STREAMS[name](*upstream), *history)
    assert list(dict.fromkeys(ids_of(sent))) == expected
    body = json.dumps(whole(name, *upstream)).encode()
    dialect = WIRES[name].passthrough(asked(*history, wire=name), lambda response: b"")
    assert ids_of(json.loads(dialect.whole(body))) == expected


def ids_of(answer: Any) -> list[str]:
    """Also of later fragments of a call on the Chat wire, which say no type."""
    if isinstance(answer, list):
        return [id_ for each in answer for id_ in ids_of(each)]
    if isinstance(answer, dict) and "function" in answer:
        return [answer["id"]] if "id" in answer else []
    if isinstance(answer, dict) and "type" not in answer:
        return ids_of(list(answer.values()))
    return ids_in(answer)


@per_stream
def test_what_does_not_repeat_keeps_its_bytes(name: str) -> None:
    dialect = WIRES[name].passthrough(asked("x", wire=name), lambda response: b"")
    for event in STREAMS[name]("Bash:0", "Bash:1"):
        payload = json.dumps(event).encode()
        dialect.read(payload)
        assert payload in dialect.event(payload)
    body = json.dumps(whole(name, "Bash:0")).encode()
    assert dialect.whole(body) == body


def test_a_server_that_stores_responses_knows_its_calls_by_its_own_ids() -> None:
    about = asked("call_0", wire="responses")
    stored = {"responses": {"previous_response_id": Raw(b'"resp_0"')}}
    about = replace(about, request=replace(about.request, extra=stored))
    dialect = WIRES["responses"].passthrough(about, lambda response: b"")
    body = json.dumps(whole("responses", "call_0")).encode()
    assert dialect.whole(body) == body


@per_stream
def test_a_new_attempt_begins_with_the_history_alone(name: str) -> None:
    """An upstream that dies while it only announces a call has taken no id."""
    dialect = WIRES[name].passthrough(asked(wire=name), lambda response: b"")
    for _ in range(2):
        dialect.begin()
        for event in STREAMS[name]("call_0"):
            payload = json.dumps(event).encode()
            dialect.read(payload)
            shown = dialect.event(payload)
            assert b"call_0" in shown or b"call_0" not in payload


def test_an_item_id_that_changes_from_event_to_event_makes_no_other_call() -> None:
    events = responses("call_7")
    events[1]["item"] = events[1]["item"] | {"id": "another"}
    assert set(ids_of(passed("responses", events, "call_0"))) == {"call_7"}


@pytest.mark.parametrize("name", ["messages", "chat"])
def test_two_calls_of_one_answer_under_one_id(name: str) -> None:
    sent = passed(name, STREAMS[name]("x", "x"))
    assert list(dict.fromkeys(ids_of(sent))) == ["x", f"call_{ANSWER}_1"]


def test_a_json_answer_unfolds_with_fresh_ids() -> None:
    dialect = WIRES["messages"].passthrough(asked("call_0", wire="messages"), lambda response: b"")
    body = json.dumps(whole("messages", "call_0")).encode()
    out = dialect.unfold(body, Response(id="", model="m", content=(), finish=FinishReason.STOP))
    assert ANSWER.encode() in out and b'"call_0"' not in out
