"""A decoder takes bytes, or the payloads that somebody else has split off: the same events either way."""

from __future__ import annotations

from daemon.inference.blocks import Reasoning, Text, ToolCall
from daemon.inference.collect import replay
from daemon.inference.events import Event
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.sse import SseSplitter
from daemon.wires.table import WIRES
from tests.wires.world import context, per_wire

ANSWER = Response(
    id="",
    model="gpt-5",
    content=(Reasoning(parts=("hm",)), Text("hello"), ToolCall(id="call_1", name="f", arguments='{"a": 1}')),
    finish=FinishReason.TOOL_CALLS,
    usage=Usage(input_tokens=3, output_tokens=5),
)


@per_wire
def test_payloads_mean_what_their_frames_mean(name: str) -> None:
    stream = WIRES[name].stream_encoder(context(name)).encode(list(replay(ANSWER)))
    by_bytes = WIRES[name].stream_decoder({}).feed(stream)
    decoder = WIRES[name].stream_decoder({})
    by_payloads: list[Event] = []
    for payload in SseSplitter().feed(stream):
        by_payloads += decoder.event(payload)
    assert by_payloads == by_bytes
    assert decoder.event(b"{}") == [] and decoder.close() == []


@per_wire
def test_a_payload_that_cannot_be_read_is_counted(name: str) -> None:
    decoder = WIRES[name].stream_decoder({})
    assert decoder.event(b"ping") == []
    assert decoder.skipped == 1
