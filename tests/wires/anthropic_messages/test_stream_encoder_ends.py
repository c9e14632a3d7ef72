"""Failures and keep-alives, at every place of a stream."""

from __future__ import annotations

import json

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import HostedCall
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Event, StreamError
from daemon.wires.anthropic_messages import WIRE
from tests.wires.anthropic_messages.test_stream_encoder import START, STOP, call, text, thinking
from tests.wires.anthropic_messages.world import context, encode
from tests.wires.grammar_messages import read

OPEN: dict[str, list[Event]] = {
    "nothing": [],
    "message": [START],
    "text": [START, *text(0, "x")[:2]],
    "thinking": [START, *thinking(0, "x")[:2]],
    "call": [START, *call(0, '{"a"')[:2]],
    "call and held text": [START, *call(0, "{")[:2], *text(1, "x")],
    "custom call": [START, BlockStart(0, "custom_tool_call", "c", "exec"), BlockDelta(0, "x")],
    "between blocks": [START, *text(0, "x")],
}


@pytest.mark.parametrize("events", OPEN.values(), ids=OPEN)
@pytest.mark.parametrize("kept_alive", [False, True], ids=["", "kept alive"])
@pytest.mark.parametrize("thinking", [True, None], ids=["thinking", "no thinking"])
def test_a_failure_is_one_event_and_closes_nothing(
    events: list[Event], kept_alive: bool, thinking: bool | None
) -> None:
    """Claude Code runs a tool call whose block is closed, half as it is, and takes the failure for a success."""
    error = RemoteError(ErrorKind.OVERLOADED, "busy")
    for failing in ("fail", "event"):
        encoder = WIRE.stream_encoder(context(thinking=thinking))
        stream = encoder.encode(events) + (encoder.keep_alive() if kept_alive else b"")
        failed = encoder.fail(error) if failing == "fail" else encoder.encode([StreamError(error)])
        assert failed.count(b"event: ") == 1
        answer = read(stream + failed)
        assert answer.error == {"type": "overloaded_error", "message": "busy"}
        assert encoder.fail(error) == b""


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (ErrorKind.RATE_LIMIT, "overloaded_error"),
        (ErrorKind.QUOTA, "overloaded_error"),
        (ErrorKind.API, "api_error"),
        (ErrorKind.AUTHENTICATION, "authentication_error"),
    ],
)
def test_a_limit_inside_a_stream_is_what_claude_code_asks_again_for(kind: ErrorKind, type_: str) -> None:
    """It ends its turn at ``rate_limit_error``; the upstream's words stay."""
    failed = WIRE.stream_encoder(context()).fail(RemoteError(kind, "slow down"))
    assert json.loads(failed.partition(b"data: ")[2])["error"] == {"type": type_, "message": "slow down"}


def test_the_block_of_a_half_call_is_open_at_the_failure() -> None:
    encoder = WIRE.stream_encoder(context())
    assert read(encoder.encode(OPEN["call"]) + encoder.fail(RemoteError(ErrorKind.API, "cut"))).open


def test_a_failure_before_anything_is_the_error_alone() -> None:
    stream = WIRE.stream_encoder(context()).fail(RemoteError(ErrorKind.API, "cut"))
    assert stream == b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"}}\n\n'


# Keep-alives --------------------------------------------------------------------------------------


def test_a_keep_alive_before_everything_is_an_empty_thinking_delta_where_thinking_was_asked_for() -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.keep_alive()
    assert stream.count(b"event: ") == 3
    assert b'"thinking_delta","thinking":""' in stream
    again = encoder.keep_alive()
    assert again.count(b"event: ") == 1
    answer = read(stream + again + encoder.encode([START, *text(0, "x"), STOP]))
    beat = {"type": "thinking", "thinking": "", "signature": ""}
    assert answer.content == [beat, {"type": "text", "text": "x"}]


@pytest.mark.parametrize("asked", [None, False])
def test_else_it_is_an_empty_text_delta_and_the_first_text_goes_on_in_that_block(asked: bool | None) -> None:
    encoder = WIRE.stream_encoder(context(thinking=asked))
    stream = encoder.keep_alive()
    assert b'"text_delta","text":""' in stream
    stream += encoder.encode([START, *thinking(0, "hm", signature="s")]) + encoder.keep_alive()
    stream += encoder.encode([*text(1, "x", "y"), *call(2), STOP])
    moved = {"type": "thinking", "thinking": "hm", "signature": "moved.s"}
    said, thought, _ = read(stream).content
    assert (said, thought) == ({"type": "text", "text": "xy"}, moved)


def test_a_call_closes_the_text_block_that_kept_the_stream_alive() -> None:
    encoder = WIRE.stream_encoder(context(thinking=None))
    stream = encoder.keep_alive() + encoder.encode([START, *thinking(0, signature="s"), *call(1, "{}"), STOP])
    kinds = [block["type"] for block in read(stream).content]
    assert kinds == ["text", "tool_use", "thinking"]


def test_thinking_goes_on_in_the_thinking_block_that_kept_the_stream_alive() -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.keep_alive() + encoder.encode([START, *thinking(0, "hm", signature="s"), STOP])
    assert read(stream).content == [{"type": "thinking", "thinking": "hm", "signature": "s"}]


@pytest.mark.parametrize(
    ("opening", "delta"),
    [
        (text(0, "x")[:2], b'"text_delta","text":""'),
        (thinking(0, "x")[:2], b'"thinking_delta","thinking":""'),
        (call(0, "{")[:2], b'"input_json_delta","partial_json":""'),
        ([BlockStart(0, "custom_tool_call", "c", "exec"), BlockDelta(0, "x")], b'"input_json_delta","partial_json":""'),
    ],
)
def test_a_keep_alive_in_an_open_block_is_its_own_empty_delta(opening: list[Event], delta: bytes) -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.encode([START, *opening])
    beat = encoder.keep_alive()
    assert beat.count(b"event: ") == 1
    assert delta in beat
    assert len(read(stream + beat + encoder.encode([BlockEnd(0), STOP])).content) == 1


@pytest.mark.parametrize("asked", [True, None, False])
def test_a_keep_alive_at_every_place_changes_no_content(asked: bool | None) -> None:
    events: list[Event] = [
        START,
        *thinking(0, "a", "b", signature="s"),
        *text(1, "c", "d"),
        *call(2, "{", "}"),
        *thinking(3, signature="t"),
        BlockStart(4, "hosted"),
        BlockEnd(4, hosted=HostedCall(id="w", name="web_search")),
        BlockStart(5, "custom_tool_call", "c", "exec"),
        BlockDelta(5, "x"),
        BlockEnd(5),
        STOP,
    ]
    plain = encode(events, thinking=asked).content
    beats = ({"type": "thinking", "thinking": "", "signature": ""}, {"type": "text", "text": ""})
    for place in range(len(events)):
        encoder = WIRE.stream_encoder(context(thinking=asked))
        stream = encoder.encode(events[:place]) + encoder.keep_alive() + encoder.encode(events[place:])
        assert [block for block in read(stream).content if block not in beats] == plain, place


def test_one_write_or_many_are_the_same_bytes() -> None:
    events = [START, *thinking(0, "a", signature="s"), *text(1, "b", "c"), *call(2, "{}"), STOP]
    one, many = WIRE.stream_encoder(context()), WIRE.stream_encoder(context())
    assert one.encode(events) == b"".join(many.encode([event]) for event in events)
