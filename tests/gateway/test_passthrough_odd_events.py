"""What passes through on the same wire, and what is dropped: an event that nobody can read ends no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import RemoteError
from tests.gateway.test_passthrough import WIRES, ending, frames, new_pipe, opening, read, text, whole


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "payload", [b"", b"ping", b'""', b"null", b"123", b"[HEARTBEAT]", b"{", b"[1]", b"<html>", b"[" * 100_000]
)
def test_what_is_no_event_is_dropped_and_counted(wire: str, payload: bytes) -> None:
    odd = b"event: keepalive\ndata: " + payload + b"\n\n"
    events = [each + b"\n\n" for each in whole(wire).split(b"\n\n") if each]
    pipe, plain = new_pipe(wire), new_pipe(wire)
    pipe.feed(odd + odd.join(events))
    plain.feed(whole(wire))
    assert pipe.stage == "finished"
    assert pipe.take() == plain.take()
    assert pipe.skipped == len(events) and plain.skipped == 0


@pytest.mark.parametrize("wire", WIRES)
def test_a_last_event_without_its_blank_line_counts_if_it_is_whole(wire: str) -> None:
    stream = frames(wire, *opening(wire), *text(wire, "hi"), *ending(wire), done=False).rstrip(b"\n")
    pipe = new_pipe(wire)
    pipe.feed(stream)
    pipe.end_of_body()
    assert pipe.stage == "finished"
    cut = new_pipe(wire)
    cut.feed(frames(wire, *opening(wire), *text(wire, "hi"), done=False) + stream[-9:])
    with pytest.raises(RemoteError, match="ended before"):
        cut.end_of_body()


@pytest.mark.parametrize("done", [b"[DONE]", b" [DONE] ", b"[done]", b"[DONE]\n\ndata: [DONE]"])
def test_done_is_understood_however_it_is_written(done: bytes) -> None:
    pipe = new_pipe("chat")
    pipe.feed(frames("chat", *opening("chat"), *text("chat", "hi"), *ending("chat"), done=False))
    pipe.feed(b"data: " + done + b"\n\n")
    pipe.end_of_body()
    assert pipe.take().endswith(b"\n\ndata: [DONE]\n\n")


def test_done_before_response_completed_is_a_cut() -> None:
    pipe = new_pipe("responses")
    pipe.feed(frames("responses", *opening("responses"), *text("responses", "hi")) + b"data: [DONE]\n\n")
    with pytest.raises(RemoteError, match=r"the upstream's stream ended before response\.completed"):
        pipe.end_of_body()
    assert pipe.skipped == 0


@pytest.mark.parametrize("number", [None, "3", "x", {}])
def test_events_with_odd_numbers_pass_as_they_came(number: object) -> None:
    events = [*opening("responses"), *text("responses", "hi"), *ending("responses")]
    odd = [event | {"sequence_number": number} for event in events]
    pipe = new_pipe("responses")
    pipe.feed(frames("responses", *odd))
    assert pipe.stage == "finished"
    assert [event["sequence_number"] for event in read(pipe.take())] == [number] * len(odd)


def test_after_a_keep_alive_odd_numbers_are_set_right() -> None:
    events = [*opening("responses"), *text("responses", "hi"), *ending("responses")]
    pipe = new_pipe("responses")
    out = pipe.keep_alive()
    pipe.feed(frames("responses", *(event | {"sequence_number": None} for event in events)))
    numbers = [event["sequence_number"] for event in read(out + pipe.take())]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("output", [[], [{"type": "message", "content": [{"type": "output_text", "text": ""}]}]])
def test_a_json_answer_has_what_only_the_pieces_had(output: list[Any]) -> None:
    """Also where every ``*.done`` event is empty (CliRelay#1053)."""
    pieces = [event for event in text("responses", "Hello") if event["type"].endswith(".delta")]
    done = [{"type": "response.output_item.done", "output_index": 0, "item": item} for item in output]
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output, "odd": 1}}
    pipe = new_pipe("responses", stream=False)
    pipe.feed(frames("responses", *opening("responses"), *pieces, *done, end))
    answer = json.loads(pipe.whole())
    assert [part["text"] for item in answer["output"] for part in item["content"]] == ["Hello"]
    assert answer["odd"] == 1


ODD_CALLS: list[Any] = [
    {"id": 5, "function": 7},
    {"id": "a", "function": 7, "index": [1]},
    {"id": "a", "function": {"name": 5}, "index": {"x": 1}},
    "text",
    [1],
    None,
]


@pytest.mark.parametrize("call", ODD_CALLS, ids=json.dumps)
@pytest.mark.parametrize("calls", ["listed", "bare"])
def test_calls_of_odd_shapes_pass_as_they_came(call: Any, calls: str) -> None:
    delta = {"tool_calls": [call, call] if calls == "listed" else call}
    chunk = {"id": "c", "choices": [{"index": [{"id": "b"}], "delta": delta}]}
    pipe = new_pipe("chat")
    pipe.feed(frames("chat", *opening("chat"), chunk, *text("chat", "hi"), *ending("chat")))
    assert pipe.stage == "finished"
    assert pipe.take().endswith(b"[DONE]\n\n")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("value", [b'"\xff"', b'["\xff"]', b"7", b"[" * 980 + b"]" * 980])
@pytest.mark.parametrize("wire", WIRES)
def test_a_whole_answer_with_an_odd_value_is_read_or_is_the_upstreams_failure(
    wire: str, value: bytes, stream: bool
) -> None:
    body = {
        "chat": b'{"choices":[{"index":%b,"message":{"content":"hi"},"finish_reason":"stop"}]}',
        "messages": b'{"type":"message","content":[{"type":%b,"text":"hi"}],"stop_reason":"end_turn"}',
        "responses": b'{"status":"completed","output":[{"type":%b,"id":"m","content":[]}]}',
    }[wire] % value
    pipe = new_pipe(wire, stream=stream)
    try:
        pipe.feed_whole(body)
    except RemoteError as error:
        assert error.status == 502
    else:
        assert pipe.stage == "finished"
