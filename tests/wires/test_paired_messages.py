"""One call, one result, straight behind it: what all upstreams demand of a history, whatever the client has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from daemon.inference.blocks import Block, Text, ToolCall, ToolResult
from daemon.inference.request import Message, Request
from daemon.wires.base import EncodeOptions
from daemon.wires.paired_messages import with_paired_calls
from daemon.wires.table import WIRES
from tests.wires.world import per_wire

TURNS: list[tuple[str, str, str, list[int]]] = [
    ("regular", "u A:a u:a A", "u A:a u:a A", []),
    ("parallel calls", "u A:a,b u:a,b A", "u A:a,b u:a,b A", []),
    ("in another order", "u A:a,b u:b,a A", "u A:a,b u:b,a A", []),
    ("a word between", "u A:a S u:a", "u A:a S u:a", []),
    ("a repeated id", "u A:a u:a A:a u:a", "u A:a u:a A:a2 u:a2", []),
    ("three times", "A:a u:a A:a u:a A:a u:a", "A:a u:a A:a2 u:a2 A:a3 u:a3", []),
    ("repeated, and taken", "A:a u:a A:a u:a A:a_2 u:a_2", "A:a u:a A:a2 u:a2 A:a22 u:a22", []),
    ("two calls of one turn under one id", "A:a,a! u:a,a", "A:a,a2! u:a,a2", []),
    ("one call said twice", "A:a,a u:a", "A:a u:a", []),
    ("one call said twice in two turns", "A:a A:a u:a", "A:a u:a", []),
    ("no result", "u A:a u", "u A:a u:-a u", []),
    ("no result at the end", "u A:a", "u A:a u:-a", []),
    ("one of two results", "A:a,b u:b A", "A:a,b u:-a u:b A", []),
    ("two results", "A:a u:a,a A", "A:a u:a A", [1]),
    ("two results, far apart", "A:a u:a A u:a,. A", "A:a u:a A u A", [3]),
    ("a result without a call", "u u:x,. A", "u u A", [1]),
    ("a turn of nothing else", "u A u:x u", "u A u", [2]),
    ("a result before its call", "u:a A:a u", "A:a u:a u", []),
    ("a result behind the next turn", "A:a u A u:a A", "A:a u:a u A A", []),
    ("calls in turns that follow each other", "A:a A:b u:a,b", "A:a,b u:a,b", []),
    ("a word behind the call", "A:a A:. u:a", "A:a,. u:a", []),
    ("a first try without a result", "A:a u A:a u:a", "A:a u:-a u A:a2 u:a2", []),
]
"""A: the assistant, u: the user, S: the system; behind the colon calls or results by id, ``.`` a text, ``!`` other
arguments, ``-`` the result that says that there is none."""


def conversation(turns: str) -> list[Message]:
    return [_message(*turn.partition(":")[::2]) for turn in turns.split()]


def _message(who: str, what: str) -> Message:
    roles: dict[str, Any] = {"A": "assistant", "u": "user", "S": "system"}
    return Message(roles[who], tuple(_block(who, each) for each in (what or ".").split(",")))


def _block(who: str, what: str) -> Block:
    if what == ".":
        return Text("t")
    if who == "A":
        return ToolCall(id=what.strip("!"), name="f", arguments='{"n":2}' if "!" in what else "{}")
    return ToolResult(call_id=what)


def shown(messages: Sequence[Message]) -> str:
    """The same in the letters of the table; ids lose the ``_`` that separates them."""
    return " ".join(filter(None, map(_shown, messages)))


def _shown(message: Message) -> str:
    letter = {"assistant": "A", "user": "u", "system": "S"}[message.role]
    words = [_word(block) for block in message.content]
    return letter if words == ["."] else f"{letter}:{','.join(words)}"


def _word(block: Block) -> str:
    if isinstance(block, ToolCall):
        return block.id.replace("_", "") + ("!" if block.arguments != "{}" else "")
    if isinstance(block, ToolResult):
        return ("-" if block.content else "") + block.call_id.replace("_", "")
    return "."


@pytest.mark.parametrize(("turns", "expected", "lost"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
def test_each_call_is_answered_once_behind_its_turn(turns: str, expected: str, lost: list[int]) -> None:
    losses: list[str] = []
    numbered = with_paired_calls(list(enumerate(conversation(turns))), lambda call: call.id, 64, losses)
    assert shown([message for _, message in numbered]) == expected
    assert losses == [f"messages[{place}].tool_result" for place in lost]


@pytest.mark.parametrize("turns", [row[1] for row in TURNS])
def test_what_came_out_is_regular_and_stays(turns: str) -> None:
    once = with_paired_calls(list(enumerate(conversation(turns))), lambda call: call.id, 64, [])
    again = with_paired_calls(list(enumerate(message for _, message in once)), lambda call: call.id, 64, [])
    assert [message for _, message in again] == [message for _, message in once]


def test_a_longer_history_begins_with_the_same_bytes() -> None:
    """An upstream's prompt cache holds only then. The ids that are still to come must not change those before."""
    turns = "A:a u:a A:a u:a A:a u:a A:a_2 u:a_2 A:b u:b"
    whole = [message for _, message in numbered_of(turns)]
    for end in range(2, len(turns.split()), 2):
        part = [message for _, message in numbered_of(" ".join(turns.split()[:end]))]
        assert whole[:end] == part


def numbered_of(turns: str) -> Sequence[tuple[int, Message]]:
    return with_paired_calls(list(enumerate(conversation(turns))), lambda call: call.id, 64, [])


def test_two_ids_that_a_wire_spells_alike_stay_two() -> None:
    numbered = with_paired_calls(
        list(enumerate(conversation("A:f.a,f|a u:f.a,f|a"))),
        lambda call: call.id.replace(".", "_").replace("|", "_"),
        64,
        [],
    )
    assert shown([message for _, message in numbered]) == "A:fa,fa2 u:fa,fa2"


# --- as the wires send it ---


def sent(name: str, *turns: str, entry: str = "other") -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    request = Request(wire=entry, model="m", messages=tuple(conversation(" ".join(turns))))
    body = WIRES[name].encode_request(request, EncodeOptions(model="m"))
    fields = json.loads(body.body)
    return fields.get("messages", fields.get("input")), body.lost


PAIRS = {
    "messages": {"tool_use": "id", "tool_result": "tool_use_id"},
    "responses": {"function_call": "call_id", "function_call_output": "call_id"},
    "chat": {"function": "id"},
}


def ids_of(name: str, sent: Any) -> list[str]:
    if isinstance(sent, list):
        return [id_ for each in sent for id_ in ids_of(name, each)]
    if not isinstance(sent, dict):
        return []
    own = [sent["tool_call_id"]] if "tool_call_id" in sent else []
    field = PAIRS[name].get(sent.get("type", ""))
    return own + ([sent[field]] if field and field in sent else []) + ids_of(name, list(sent.values()))


@per_wire
def test_every_wire_separates_ids_and_pairs_alike(name: str) -> None:
    messages, lost = sent(name, "u A:a u:a A:a u:a,a u A:b u")
    assert ids_of(name, messages) == ["a", "a", "a_2", "a_2", "b", "b"]
    assert lost == ("messages[4].tool_result",)


@per_wire
def test_only_results_without_calls_are_read_as_text(name: str) -> None:
    """An upstream refuses an empty conversation."""
    messages, lost = sent(name, "u:x")
    assert "not in this conversation" in json.dumps(messages) and not ids_of(name, messages)
    assert messages[-1]["role"] == "user" and lost == ()
