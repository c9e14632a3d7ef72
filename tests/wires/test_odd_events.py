"""An event or a field that nobody needs never ends an answer, on any wire, and is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import RemoteError
from daemon.inference.blocks import Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.events import Finish, StreamError
from daemon.inference.response import Response
from daemon.wires.table import WIRES
from tests.wires.world import check_invariants, per_wire


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(
        (b"event: %s\n" % event["type"].encode() if "type" in event else b"")
        + b"data: %s\n\n" % json.dumps(event).encode()
        for event in events
    )


def chat(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice]} | fields


PART = {"output_index": 0, "content_index": 0, "item_id": "m1"}
STREAMS: dict[str, list[dict[str, Any]]] = {
    "chat": [chat({"content": "a"}), chat({"content": "b"}), chat({}, "stop")],
    "responses": [
        {"type": "response.created", "response": {"id": "r1", "model": "m"}},
        {"type": "response.output_text.delta", "delta": "a", **PART},
        {"type": "response.output_text.delta", "delta": "b", **PART},
        {"type": "response.completed", "response": {"id": "r1", "status": "completed", "output": []}},
    ],
    "messages": [
        {"type": "message_start", "message": {"id": "m1", "model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "b"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
}
ODD = [
    b"data:\n\n",
    b"data: \n\n",
    b'data: ""\n\n',
    b"data: ping\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    b"data: 123\n\n",
    b"data: true\n\n",
    b'data: "text"\n\n',
    b"data: [HEARTBEAT]\n\n",
    b"event: keepalive\ndata: still here\n\n",
    b"data: {oops\n\n",
    b"data: <html>\n\n",
    b"data: " + b"[" * 100_000 + b"\n\n",
    b"data: \xff\n\n",
]
DECODERS = [(name, wire.stream_decoder) for name, wire in WIRES.items()] + [
    (name, wire.collected_decoder) for name, wire in WIRES.items() if wire.collected_decoder
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd[:24]))
@pytest.mark.parametrize(("name", "make"), DECODERS, ids=["stream-" + name for name in WIRES] + ["collected"])
def test_an_event_that_cannot_be_read_is_skipped_and_counted(name: str, make: Any, odd: bytes) -> None:
    decoder = make({})
    events = decoder.feed(odd)
    for event in STREAMS[name]:
        events += decoder.feed(sse(event) + odd)
    events += decoder.close()
    check_invariants(events)
    answer = collect(events)
    assert answer.content == (Text("ab"),)
    assert decoder.skipped >= len(STREAMS[name])


@per_wire
@pytest.mark.parametrize("last", [b'data: {"type":', b"data: {oops", b"data: ping"])
def test_half_an_event_at_the_end_of_the_body_is_still_a_cut(name: str, last: bytes) -> None:
    decoder = WIRES[name].stream_decoder({})
    events = decoder.feed(sse(*STREAMS[name][:2]) + last) + decoder.close()
    assert isinstance(events[-1], StreamError) and "ended before" in events[-1].error.message


@pytest.mark.parametrize(
    "done", [b"[DONE]", b" [DONE] ", b"[done]", b'"[DONE]"', b"[DONE]\n\ndata: [DONE]", b"ping\n\ndata: [DONE]"]
)
@per_wire
def test_done_is_understood_however_it_is_written(name: str, done: bytes) -> None:
    decoder = WIRES[name].stream_decoder({})
    events = decoder.feed(sse(*STREAMS[name]) + b"data: " + done + b"\n\n")
    assert isinstance(events[-1], Finish)
    assert decoder.close() == []


def test_done_before_the_end_of_an_answer_is_a_cut() -> None:
    decoder = WIRES["responses"].stream_decoder({})
    events = decoder.feed(sse(*STREAMS["responses"][:3]) + b"data: [DONE]\n\n") + decoder.close()
    assert isinstance(events[-1], StreamError)
    assert events[-1].error.message == "the upstream's stream ended before response.completed"


def test_what_cannot_be_read_after_the_finish_reason_fails_nothing() -> None:
    decoder = WIRES["chat"].stream_decoder({})
    events = decoder.feed(sse(*STREAMS["chat"]) + b"data: {oops\n\ndata: [D") + decoder.close()
    assert isinstance(events[-1], Finish)


def test_characters_that_are_no_utf8_are_replaced_and_the_rest_is_content() -> None:
    stream = sse(*STREAMS["chat"]).replace(b'"b"', b'"b\xe4"')
    decoder = WIRES["chat"].stream_decoder({})
    assert collect(decoder.feed(stream) + decoder.close()).content == (Text("ab\ufffd"),)


CALL = {"index": "0", "id": 123, "type": 1, "function": {"name": "f", "arguments": {"a": 1}}}
CHUNKS: list[tuple[dict[str, Any], str]] = [
    ({"id": 5}, "ab"),
    ({"object": 1, "service_tier": {}, "model": None}, "ab"),
    ({"usage": "x"}, "ab"),
    ({"usage": {"prompt_tokens": "3", "completion_tokens": 5.0, "prompt_tokens_details": 0}}, "ab"),
    ({"error": False}, "ab"),
    ({"error": {}}, "ab"),
    ({"choices": [1, {"index": "0", "delta": {"content": "x", "refusal": False, "images": {}}}]}, "axb"),
    ({"choices": [{"index": None, "delta": {"content": "x", "reasoning_content": ["y"], "annotations": [1]}}]}, "axb"),
    ({"choices": {"delta": {"content": "x", "annotations": "y"}}}, "axb"),
    ({"choices": [{"delta": "x"}, "y"]}, "ab"),
    ({"choices": [{"delta": {"tool_calls": "x", "function_call": 5}, "usage": 1, "logprobs": 2}]}, "ab"),
]


@pytest.mark.parametrize(("odd", "said"), CHUNKS, ids=[str(odd) for odd, _ in CHUNKS])
def test_a_chunk_with_odd_fields_is_read_as_far_as_it_goes(odd: dict[str, Any], said: str) -> None:
    decoder = WIRES["chat"].stream_decoder({})
    first, *rest = STREAMS["chat"]
    answer = collect(decoder.feed(sse(first, chat({}) | odd, *rest) + b"data: [DONE]\n\n"))
    assert answer.content == (Text(said),)


def test_numbers_where_ids_belong_become_text() -> None:
    decoder = WIRES["chat"].stream_decoder({})
    streamed = collect(decoder.feed(sse(chat({"tool_calls": [CALL]}), chat({}, "tool_calls")) + b"data: [DONE]\n\n"))
    whole = {"id": 7, "choices": [{"index": "0", "message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]}
    expected = (ToolCall(id="123", name="f", arguments='{"a":1}'),)
    assert streamed.content == decoded("chat", whole).content == expected


def decoded(name: str, body: dict[str, Any]) -> Response:
    return WIRES[name].decode_response(json.dumps(body).encode(), {})


def completed(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "response.completed", "response": {"id": "r1", "status": "completed", "output": []} | fields}]


MESSAGE = {"type": "message", "id": 9, "content": [{"type": "output_text", "text": "ab", "annotations": "x"}]}
CALLED = {"type": "function_call", "id": 1, "call_id": 123, "name": "f", "arguments": {"a": 1}}
RESPONSES: list[tuple[list[dict[str, Any]], int]] = [
    ([{**event, "sequence_number": None} for event in STREAMS["responses"]], 0),
    ([{**event, "output_index": "0", "sequence_number": "3"} for event in STREAMS["responses"]], 0),
    ([{**event, "content_index": None} for event in STREAMS["responses"]], 0),
    ([*STREAMS["responses"][:3], *completed(id=5, created_at="now", usage="x", service_tier={})], 0),
    ([*STREAMS["responses"][:3], *completed(usage={"input_tokens": "10", "output_tokens": 5.0})], 15),
    ([*STREAMS["responses"][:3], *completed(usage=None, status=200, incomplete_details="x", error=False)], 0),
    ([*STREAMS["responses"][:3], *completed(output=["x", None, MESSAGE])], 0),
    (completed(output=[MESSAGE]), 0),
    (completed(output=[{**MESSAGE, "content": "ab"}]), 0),
    (completed(output=[{"type": "reasoning", "summary": 5, "content": {}}, MESSAGE]), 0),
]


@pytest.mark.parametrize(("events", "tokens"), RESPONSES, ids=[str(number) for number in range(len(RESPONSES))])
@pytest.mark.parametrize("make", ["stream_decoder", "collected_decoder"])
def test_responses_events_with_odd_fields_are_read(make: str, events: list[dict[str, Any]], tokens: int) -> None:
    decoder = getattr(WIRES["responses"], make)({})
    answer = collect(decoder.feed(sse(*events)) + decoder.close())
    texts = [block for block in answer.content if not isinstance(block, Reasoning)]
    assert texts == [Text("ab")]
    usage = answer.usage
    assert ((usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0) == tokens


def test_a_whole_answer_of_the_responses_wire_may_be_as_odd() -> None:
    body = {"id": 5, "object": 1, "output": [7, MESSAGE, CALLED], "usage": {"input_tokens": "3"}, "created_at": 1.5}
    answer = decoded("responses", body)
    call = ToolCall(id="123", name="f", arguments='{"a":1}', item_id="1")
    assert (answer.content, answer.id) == ((Text("ab"), call), "5")
    assert answer.usage is not None and answer.usage.input_tokens == 3


USE = {"type": "tool_use", "id": 123, "name": "f", "input": {"a": 1}}


def test_messages_with_odd_fields_are_read_streamed_and_whole() -> None:
    usage = {"input_tokens": "10", "output_tokens": 5.0, "service_tier": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": 5, "model": None, "content": "x", "usage": usage}},
        {"type": "content_block_start", "index": "0", "content_block": {"type": "text", "text": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ab", "thinking": {}}},
        {"type": "content_block_stop", "index": "0"},
        {"type": "content_block_start", "index": 1, "content_block": USE | {"input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": 5}, "usage": "x"},
        {"type": "message_stop"},
    ]
    decoder = WIRES["messages"].stream_decoder({})
    streamed = collect(decoder.feed(sse(*events)))
    content = [{"type": "text", "text": "ab", "signature": 1}, "x", USE]
    body = {"id": 5, "type": "message", "content": content, "usage": usage, "stop_reason": "tool_use"}
    whole = decoded("messages", body)
    assert streamed.content == (Text("ab"), ToolCall(id="123", name="f", arguments='{"a":1}'))
    assert whole.content == (Text("ab"), ToolCall(id="123", name="f", arguments='{"a": 1}'))
    assert streamed.usage == whole.usage
    assert (whole.id, whole.usage and whole.usage.output_tokens) == ("5", 5)


@pytest.mark.parametrize("error", [[{"error": {"message": "no credit", "code": 402}}], {"error": "no credit"}])
@per_wire
def test_an_error_is_one_in_a_list_too(name: str, error: object) -> None:
    events = WIRES[name].stream_decoder({}).feed(b"data: %s\n\n" % json.dumps(error).encode())
    assert isinstance(events[-1], StreamError) and "no credit" in events[-1].error.message


@per_wire
@pytest.mark.parametrize("body", ["[]", "5", '"x"', "null", "{}"])
def test_json_that_is_no_answer_is_an_error(name: str, body: str) -> None:
    with pytest.raises(RemoteError):
        WIRES[name].decode_response(body.encode(), {})
