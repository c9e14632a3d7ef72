"""A client that has no place for signed reasoning gets its calls back with it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.gateway.reasoning import call_reasoning
from daemon.gateway.reasoning.call_reasoning import CallReasoning, ReasoningKeeper
from daemon.inference.blocks import Block, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.collect import replay
from daemon.inference.request import Message, Request
from daemon.inference.response import FinishReason, Response
from daemon.wires.base import AnswerContext

FIRST, SECOND, LATE = (Reasoning(parts=(name,), signature=f"tppcd1.a.{name}") for name in ("first", "second", "late"))
UNSIGNED = Reasoning(parts=("hm",))
A, B = (ToolCall(id=name, name="look", arguments="{}") for name in "ab")


def asked(*history: Message, words: str = "look") -> Request:
    return Request(wire="chat", model="m", messages=(Message("user", (Text(words),)), *history))


def keep(table: CallReasoning, *content: Block, request: Request | None = None) -> None:
    context = AnswerContext(model="m", answer_id="0" * 32, created=1, input_estimate=1, request=request or asked())
    keeper = ReasoningKeeper(context, table)
    for event in replay(Response(id="r", model="m", content=content, finish=FinishReason.TOOL_CALLS)):
        keeper.note([event])


def back(table: CallReasoning, *content: Block, words: str = "look") -> tuple[Block, ...]:
    """The assistant's message as it goes up, of a client that has sent ``content``."""
    return table.put_back(asked(Message("assistant", content), words=words)).messages[1].content


@pytest.mark.parametrize(
    ("answer", "sent", "expected"),
    [
        ([FIRST, A], [A], [FIRST, A]),
        ([FIRST, Text("hi"), A], [Text("hi"), A], [FIRST, Text("hi"), A]),
        ([Text("hi"), FIRST, A], [Text("hi"), A], [Text("hi"), FIRST, A]),
        ([FIRST, A, SECOND, B], [A, B], [FIRST, A, SECOND, B]),
        ([FIRST, SECOND, A, B], [A, B], [FIRST, SECOND, A, B]),
        ([FIRST, A, LATE], [A], [FIRST, A, LATE]),
        ([A, LATE], [A], [A, LATE]),
        ([UNSIGNED, A], [A], [A]),
        ([FIRST, A], [Reasoning(parts=("first",)), A], [FIRST, A]),
        ([FIRST, Text("done")], [Text("done")], [Text("done")]),
        ([FIRST, A], [B], [B]),
    ],
)
def test_what_led_to_a_call_is_back_in_its_place(answer: list[Block], sent: list[Block], expected: list[Block]) -> None:
    table = CallReasoning()
    keep(table, *answer)
    assert back(table, *sent) == tuple(expected)


def test_another_conversation_has_its_own_though_its_calls_have_the_same_ids() -> None:
    table = CallReasoning()
    keep(table, FIRST, A)
    keep(table, SECOND, A, request=asked(words="another"))
    assert back(table, A) == (FIRST, A)
    assert back(table, A, words="another") == (SECOND, A)
    assert back(table, A, words="a third") == (A,)


def test_a_call_is_known_by_the_id_that_its_client_was_given() -> None:
    """An id that the conversation has already is replaced on its way to the client."""
    table = CallReasoning()
    earlier = (Message("assistant", (A,)), Message("user", (ToolResult(call_id="a"),)))
    keep(table, FIRST, A, request=asked(*earlier))
    fresh = replace(A, id="call_" + "0" * 24 + "_0")
    assert back(table, A) == (A,)
    assert back(table, fresh) == (FIRST, fresh)


def test_a_request_of_which_nothing_is_known_is_the_same_object() -> None:
    table = CallReasoning()
    request = asked(Message("assistant", (A,)))
    assert table.put_back(request) is request
    keep(table, FIRST, B)
    assert table.put_back(request) is request


def test_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_reasoning, "MOST_KEPT", 4000)
    table = CallReasoning()
    large = Reasoning(signature="s" * 1000)
    for name in "abcd":
        keep(table, large, replace(A, id=name))
    assert [len(back(table, replace(A, id=name))) for name in "abcd"] == [1, 1, 2, 2]
    keep(table, large, replace(A, id="d"))
    assert len(back(table, replace(A, id="c"))) == 2, "one that comes again takes its room once"
