"""Folding and unfolding are inverse, for any answer and however its deltas are cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import (
    Block,
    Citation,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    SearchHit,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.collect import collect, replay
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.inference.response import FinishReason, Response, Usage


def answer(*content: Block, **fields: Any) -> Response:
    return Response(id="r", model="m", content=content, **({"finish": FinishReason.STOP} | fields))


EVERY_BLOCK: tuple[Block, ...] = (
    Text("hi", (Citation(url="https://a", start=0, end=2),)),
    Text(""),
    ModelRefusal("no"),
    Reasoning(parts=("a", "b"), signature="s", id="rs_1"),
    Reasoning(signature="Em", redacted=True),
    Reasoning(),
    ToolCall(id="c1", name="Read", arguments='{"a":1}', item_id="fc_1", namespace="n"),
    ToolCall(id="c2", name="exec", arguments="", kind="custom"),
    HostedCall(id="w", name="web_search", hits=(SearchHit("https://a"),)),
    Opaque("responses", Raw(b"{}")),
)


@pytest.mark.parametrize("block", EVERY_BLOCK, ids=lambda block: type(block).__name__)
def test_each_block(block: Block) -> None:
    assert collect(replay(answer(block))) == answer(block)


def test_a_whole_answer() -> None:
    usage = Usage(input_tokens=3, output_tokens=2, cached_tokens=1)
    whole = answer(
        *EVERY_BLOCK, finish=FinishReason.STOP_SEQUENCE, usage=usage, stop_sequence="END", service_tier="priority"
    )
    assert collect(replay(whole)) == whole


def test_what_no_model_answers_with_is_left_out() -> None:
    odd = answer(Text("a"), Image(url="u"), File(url="u"), ToolResult(call_id="c"), Text("b"))
    assert collect(replay(odd)) == answer(Text("a"), Text("b"))


def test_blocks_that_grow_side_by_side() -> None:
    events: list[Event] = [
        MessageStart("r", "m"),
        BlockStart(0, "tool_call", "c1", "A"),
        BlockStart(1, "tool_call", "c2", "B"),
        BlockDelta(1, "{"),
        BlockDelta(0, "[1"),
        BlockEnd(1),
        BlockDelta(0, "]"),
        BlockEnd(0),
        Finish(FinishReason.STOP),
    ]
    expected = answer(ToolCall(id="c1", name="A", arguments="[1]"), ToolCall(id="c2", name="B", arguments="{"))
    assert collect(events) == expected


def test_usage_of_the_start_stays_where_the_end_says_none() -> None:
    usage = Usage(input_tokens=3)
    assert collect([MessageStart("r", "m", usage), Finish(FinishReason.STOP)]).usage == usage


def test_a_failed_stream_raises_its_own_error() -> None:
    error = RemoteError(ErrorKind.OVERLOADED, "busy")
    with pytest.raises(RemoteError) as raised:
        collect([MessageStart("r", "m"), BlockStart(0, "text"), StreamError(error)])
    assert raised.value is error


def test_a_stream_without_its_end_is_no_answer() -> None:
    with pytest.raises(RemoteError, match="before it was complete"):
        collect([MessageStart("r", "m"), BlockStart(0, "text"), BlockDelta(0, "x"), BlockEnd(0)])
    with pytest.raises(RemoteError):
        collect([])


def test_hosted_and_opaque_blocks_without_an_item_are_dropped() -> None:
    events: list[Event] = [MessageStart("r", "m"), BlockStart(0, "hosted"), BlockStart(1, "opaque"), BlockEnd(1)]
    assert collect([*events, Finish(FinishReason.STOP)]).content == ()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.text(min_size=1), min_size=1), min_size=1, max_size=4))
def test_parts_and_deltas_of_reasoning(parts: list[list[str]]) -> None:
    events: list[Any] = [MessageStart("r", "m"), BlockStart(0, "reasoning")]
    for number, deltas in enumerate(parts):
        events += [PartBreak(0)] * (number > 0) + [BlockDelta(0, delta) for delta in deltas]
    events += [BlockEnd(0, signature="s"), Finish(FinishReason.STOP)]
    assert collect(events) == answer(Reasoning(parts=tuple(map("".join, parts)), signature="s"))
