"""Who did not ask for thinking gets text or a call first, and the upstream gets its reasoning back all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.inference.blocks import Block, ModelRefusal, Reasoning, Text, ToolCall
from daemon.inference.collect import replay
from daemon.inference.request import ReasoningOptions
from daemon.inference.response import FinishReason, Response
from daemon.wires.anthropic_messages import WIRE
from tests.wires.anthropic_messages.test_decode_blocks import blocks as decoded
from tests.wires.anthropic_messages.world import context, encode
from tests.wires.grammar_messages import read

TEXT, CALL = Text("hi"), ToolCall(id="c", name="Read", arguments="{}")
OTHER = ToolCall(id="d", name="Read", arguments="{}")
SAID = {"type": "text", "text": "hi"}
CALLED = {"type": "tool_use", "id": "c", "name": "Read", "input": {}}
HIDDEN, SHOWN = Reasoning(signature="h"), Reasoning(parts=("hm",), signature="s")
UNSIGNED, REDACTED = Reasoning(parts=("hm",)), Reasoning(signature="r", redacted=True)


def thought(text: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


ANSWERS: dict[str, tuple[list[Block], list[dict[str, Any]]]] = {
    "text": ([SHOWN, TEXT], [SAID]),
    "a refusal": ([SHOWN, ModelRefusal("no")], [{"type": "text", "text": "no"}]),
    "a call": ([HIDDEN, CALL], [CALLED, thought("", "moved.h")]),
    "text and a call": ([SHOWN, TEXT, CALL], [SAID, thought("hm", "moved.s"), CALLED]),
    "several": ([HIDDEN, SHOWN, CALL], [CALLED, thought("", "moved.h"), thought("hm", "moved.s")]),
    "text that says nothing": ([SHOWN, Text(""), CALL], [CALLED, thought("hm", "moved.s")]),
    "later thinking": ([SHOWN, TEXT, HIDDEN, CALL], [SAID, thought("hm", "moved.s"), thought("", "h"), CALLED]),
    "thinking between calls": ([CALL, HIDDEN, OTHER], [CALLED, thought("", "h"), CALLED | {"id": "d"}]),
    "thinking at the end": ([CALL, HIDDEN], [CALLED]),
    "no signature": ([UNSIGNED, CALL], [CALLED]),
    "redacted": ([REDACTED, CALL], [CALLED, {"type": "redacted_thinking", "data": "moved.r"}]),
    "what goes back with the call before it": ([CALL, REDACTED], [CALLED, {"type": "redacted_thinking", "data": "r"}]),
    "what goes back with text": ([TEXT, REDACTED], [SAID]),
    "nothing else": ([SHOWN, HIDDEN], []),
}


def answer(content: list[Block]) -> Response:
    return Response(id="r", model="m", content=tuple(content), finish=FinishReason.STOP)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("content", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_thinking_is_neither_first_nor_the_last_word(
    content: list[Block], expected: list[dict[str, Any]], streamed: bool
) -> None:
    if streamed:
        shown = encode(replay(answer(content)), thinking=None).content
    else:
        shown = json.loads(WIRE.encode_response(answer(content), context(thinking=None)))["content"]
    assert shown == expected


def test_a_signature_alone_is_nothing_for_who_switched_thinking_off() -> None:
    assert encode(replay(answer([HIDDEN, CALL])), thinking=False).content == [CALLED]
    assert encode(replay(answer([REDACTED, CALL])), thinking=False).content == [
        CALLED,
        {"type": "redacted_thinking", "data": "moved.r"},
    ], "but what has to go back with the call is kept"
    assert encode(replay(answer([SHOWN, CALL])), thinking=False).content == [CALLED, thought("hm", "moved.s")]


@pytest.mark.parametrize(
    ("thinking", "asked"),
    [
        (None, False),
        ({"type": "disabled"}, False),
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "adaptive"}, True),
        ({"type": "adaptive", "display": "omitted"}, True),
    ],
)
def test_who_asks_for_thinking(thinking: dict[str, Any] | None, asked: bool) -> None:
    body: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    body |= {} if thinking is None else {"thinking": thinking}
    assert WIRE.decode_request(json.dumps(body).encode(), {}).reasoning.asked_for is asked


def test_an_effort_alone_does_not_ask() -> None:
    assert not ReasoningOptions(effort="high").asked_for


SIGNED = st.builds(Reasoning, parts=st.tuples(st.just("hm")), signature=st.text("abc.", min_size=1))
THOUGHT = st.lists(SIGNED | st.sampled_from([HIDDEN, REDACTED]), max_size=2)
SPOKEN = st.sampled_from([TEXT, CALL])


@given(st.lists(st.tuples(THOUGHT, SPOKEN), min_size=1, max_size=4), THOUGHT)
def test_what_comes_back_is_what_the_upstream_said(
    turns: list[tuple[list[Reasoning], Block]], last: list[Block]
) -> None:
    """Whatever the answer was, the next request has its blocks in the order in which they were made; but for
    thinking that nothing came of, or only the last word, unless it has nothing to show and goes with a call."""
    made: list[Block] = []
    for number, (thoughts, block) in enumerate(turns):
        made += [*thoughts, replace(block, id=f"c{number}") if isinstance(block, ToolCall) else block]
    expected = [TEXT] if len(turns) == 1 and made[-1] == TEXT else made
    if any(isinstance(block, ToolCall) for block in made):
        expected = [*expected, *(block for block in last if block == REDACTED)]
    for shown in (
        encode(replay(answer([*made, *last])), thinking=None).content,
        json.loads(WIRE.encode_response(answer([*made, *last]), context(thinking=None)))["content"],
    ):
        assert shown[0]["type"] in ("text", "tool_use")
        assert decoded(*shown, role="assistant") == tuple(expected)


@given(st.integers(0, 7), SPOKEN)
def test_a_keep_alive_changes_nothing_of_what_comes_back(place: int, first: Block) -> None:
    made = [SHOWN, first, HIDDEN, OTHER]
    events = list(replay(answer(made)))
    encoder = WIRE.stream_encoder(context(thinking=None))
    stream = encoder.encode(events[:place]) + encoder.keep_alive() + encoder.encode(events[place:])
    back = decoded(*read(stream).content, role="assistant")
    assert [block for block in back if block != Text("")] == made


def test_moved_thinking_whose_block_is_gone_stays_where_it_is() -> None:
    """Claude Code leaves out text of white space alone."""
    assert decoded(thought("", "moved.h"), CALLED, role="assistant") == (HIDDEN, CALL)


def test_moved_thinking_comes_back_among_blocks_that_nobody_knows() -> None:
    odd = {"type": "unheard_of", "x": 1}
    first, *rest = decoded(CALLED, thought("", "moved.h"), odd, role="assistant")
    assert (first, rest[0]) == (HIDDEN, CALL)
