"""Failures and keep-alives, at every place of a stream."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import HostedCall
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Event, StreamError
from daemon.wires.anthropic_messages import WIRE
from tests.wires.anthropic_messages.test_stream_encoder import START, STOP, call, text, thinking
from tests.wires.anthropic_messages.world import context, encode
from tests.wires.grammar_messages import read

OPEN = {
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
def test_a_failure_closes_what_is_open(events: list[Event], kept_alive: bool) -> None:
    error = RemoteError(ErrorKind.OVERLOADED, "busy")
    for failing in ("fail", "event"):
        encoder = WIRE.stream_encoder(context())
        stream = encoder.encode(events) + (encoder.keep_alive() if kept_alive else b"")
        stream += encoder.fail(error) if failing == "fail" else encoder.encode([StreamError(error)])
        answer = read(stream)
        assert answer.error == {"type": "overloaded_error", "message": "busy"}
        assert encoder.fail(error) == b""


def test_a_failure_before_anything_is_the_error_alone() -> None:
    stream = WIRE.stream_encoder(context()).fail(RemoteError(ErrorKind.API, "cut"))
    assert stream == b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"}}\n\n'


# Keep-alives --------------------------------------------------------------------------------------


def test_a_keep_alive_before_everything_is_an_empty_thinking_delta() -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.keep_alive()
    assert stream.count(b"event: ") == 3
    assert b'"thinking_delta","thinking":""' in stream
    again = encoder.keep_alive()
    assert again.count(b"event: ") == 1
    answer = read(stream + again + encoder.encode([START, *text(0, "x"), STOP]))
    beat = {"type": "thinking", "thinking": "", "signature": ""}
    assert answer.content == [beat, {"type": "text", "text": "x"}]


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


def test_a_keep_alive_at_every_place_changes_no_content() -> None:
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
    plain = encode(events).content
    for place in range(len(events)):
        encoder = WIRE.stream_encoder(context())
        stream = encoder.encode(events[:place]) + encoder.keep_alive() + encoder.encode(events[place:])
        content = read(stream).content
        assert [
            block for block in content if block != {"type": "thinking", "thinking": "", "signature": ""}
        ] == plain, place


def test_one_write_or_many_are_the_same_bytes() -> None:
    events = [START, *thinking(0, "a", signature="s"), *text(1, "b", "c"), *call(2, "{}"), STOP]
    one, many = WIRE.stream_encoder(context()), WIRE.stream_encoder(context())
    assert one.encode(events) == b"".join(many.encode([event]) for event in events)
