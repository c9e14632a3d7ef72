"""Calls and results in bodies that pass through: the same rules as for the hub's, and other bytes stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest
from msgspec import Raw

from daemon.wires.anthropic_messages import request_calls as messages
from daemon.wires.json import fields_of
from daemon.wires.openai_chat import request_calls as chat
from daemon.wires.openai_responses import request_calls as responses

Body = dict[str, Any]


def use(*ids: str, name: str = "f") -> Body:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": id_, "name": name, "input": {}} for id_ in ids]}


def used(*ids: str) -> Body:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": "ok"} for id_ in ids]}


def calls(*ids: str, **more: Any) -> Body:
    made = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": made, **more}


def tool(id_: str) -> Body:
    return {"role": "tool", "tool_call_id": id_, "content": "ok"}


def call(id_: str, kind: str = "function_call") -> Body:
    return {"type": kind, "call_id": id_, "name": "f", "arguments": "{}", "id": "fc_1"}


def output(id_: str, kind: str = "function_call_output") -> Body:
    return {"type": kind, "call_id": id_, "output": "ok"}


SAID = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "well"}
NONE = "no result of this call is in the conversation"
UNUSED = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": NONE, "is_error": True}]}

MARK = "[result of a tool call that is not in this conversation]"

WHOLE: list[tuple[str, ModuleType, list[Body], list[Body], list[int]]] = [
    ("regular", messages, [SAID, use("a"), used("a")], [SAID, use("a"), used("a")], []),
    (
        "repeated",
        messages,
        [use("a"), used("a"), use("a"), used("a"), SAID],
        [use("a"), used("a"), use("a_2"), used("a_2"), SAID],
        [],
    ),
    (
        "no result",
        messages,
        [SAID, use("a"), ANSWER, SAID],
        [
            SAID,
            {"role": "assistant", "content": [*use("a")["content"], {"type": "text", "text": "well"}]},
            UNUSED,
            SAID,
        ],
        [],
    ),
    ("no result, then the user", messages, [use("a"), SAID], [use("a"), UNUSED, SAID], []),
    ("two results", messages, [use("a"), used("a", "a"), SAID], [use("a"), used("a"), SAID], [1]),
    ("no call", messages, [SAID, used("x"), ANSWER, SAID], [SAID, ANSWER, SAID], [1]),
    (
        "nothing but results",
        messages,
        [used("x")],
        [{"role": "user", "content": [{"type": "text", "text": MARK}, {"type": "text", "text": "ok"}]}],
        [],
    ),
    (
        "nothing but results",
        chat,
        [tool("x")],
        [{"role": "user", "content": [{"type": "text", "text": MARK}, {"type": "text", "text": "ok"}]}],
        [],
    ),
    (
        "nothing but results",
        responses,
        [output("x")],
        [{"role": "user", "content": [{"type": "input_text", "text": MARK}, {"type": "input_text", "text": "ok"}]}],
        [],
    ),
    (
        "text before the result",
        messages,
        [use("a"), {"role": "user", "content": [{"type": "text", "text": "t"}, *used("a", "a")["content"]]}],
        [use("a"), {"role": "user", "content": [*used("a")["content"], {"type": "text", "text": "t"}]}],
        [1],
    ),
    ("regular", chat, [SAID, calls("a", "b"), tool("b"), tool("a")], [SAID, calls("a", "b"), tool("b"), tool("a")], []),
    (
        "repeated",
        chat,
        [calls("a"), tool("a"), calls("a", content="x"), tool("a"), SAID],
        [calls("a"), tool("a"), calls("a_2", content="x"), tool("a_2"), SAID],
        [],
    ),
    (
        "no result",
        chat,
        [calls("a", "b"), tool("b"), SAID],
        [calls("a", "b"), {"role": "tool", "tool_call_id": "a", "content": NONE}, tool("b"), SAID],
        [],
    ),
    ("two results", chat, [calls("a"), tool("a"), tool("a"), SAID], [calls("a"), tool("a"), SAID], [2]),
    ("a word between", chat, [calls("a"), SAID, tool("a")], [calls("a"), tool("a"), SAID], []),
    ("no call", chat, [SAID, tool("x"), ANSWER], [SAID, ANSWER], [1]),
    (
        "calls in turns that follow each other",
        chat,
        [calls("a", content="x"), calls("b", content="y"), tool("a"), tool("b")],
        [
            calls("a", "b", content="x\n\ny"),
            tool("a"),
            tool("b"),
        ],
        [],
    ),
    ("regular", responses, [SAID, call("a"), call("b"), output("b"), output("a")], [], []),
    (
        "repeated",
        responses,
        [call("a"), output("a"), call("a"), output("a"), SAID],
        [call("a"), output("a"), call("a_2"), output("a_2"), SAID],
        [],
    ),
    (
        "no output",
        responses,
        [call("a", "custom_tool_call"), SAID],
        [call("a", "custom_tool_call"), output("a", "custom_tool_call_output") | {"output": NONE}, SAID],
        [],
    ),
    ("two outputs", responses, [call("a"), output("a"), output("a"), SAID], [call("a"), output("a"), SAID], [2]),
    ("no call", responses, [SAID, output("x")], [SAID], [1]),
    ("an output before its call", responses, [SAID, output("a"), call("a")], [SAID, call("a"), output("a")], []),
    ("a call that is not known here", responses, [SAID, {"type": "local_shell_call", "call_id": "a"}], [], []),
]


@pytest.mark.parametrize(
    ("wire", "before", "after", "lost"),
    [row[1:] for row in WHOLE],
    ids=[f"{row[1].__name__.split('.')[2]} {row[0]}" for row in WHOLE],
)
def test_a_body_is_paired(wire: ModuleType, before: list[Body], after: list[Body], lost: list[int]) -> None:
    name = "input" if wire is responses else "messages"
    fields = fields_of(json.dumps({name: before}).encode())
    losses = wire.one_result_per_call(fields)
    assert json.loads(bytes(fields[name])) == (after or before)
    assert losses == [f"messages[{place}].tool_result" for place in lost] or (not lost and not losses)


@pytest.mark.parametrize(
    ("separate", "before", "after"),
    [
        (messages.separate_ids, [use("a"), use("a"), used("a", "a")], [use("a"), use("a_2"), used("a", "a_2")]),
        (chat.separate_ids, [calls("a"), tool("a"), calls("a")], [calls("a"), tool("a"), calls("a_2")]),
        (responses.separate_ids, [call("a"), call("a"), output("x")], [call("a"), call("a_2"), output("x")]),
    ],
)
def test_ids_are_separated_and_all_stays_where_it_is(
    separate: Callable[[dict[str, Raw]], None], before: list[Body], after: list[Body]
) -> None:
    name = "input" if separate is responses.separate_ids else "messages"
    fields = fields_of(json.dumps({name: before}).encode())
    separate(fields)
    assert json.loads(bytes(fields[name])) == after


@pytest.mark.parametrize("stored", ["previous_response_id", "conversation"])
def test_calls_may_lie_in_a_stored_response(stored: str) -> None:
    fields = fields_of(json.dumps({"input": [SAID, output("a")], stored: "x"}).encode())
    before = dict(fields)
    assert responses.one_result_per_call(fields) == () and fields == before


def test_an_input_that_is_text_holds_no_calls() -> None:
    fields = fields_of(b'{"input":"hi"}')
    assert responses.one_result_per_call(fields) == () and fields == {"input": Raw(b'"hi"')}


@pytest.mark.parametrize("change", [messages.one_result_per_call, chat.one_result_per_call])
def test_messages_that_do_not_change_keep_their_bytes(change: Callable[[dict[str, Raw]], Sequence[str]]) -> None:
    body = b'{"messages":[{"role": "user",  "content": "hi"},{"role":"assistant","content":"x", "odd": 1}]}'
    fields = fields_of(body)
    assert change(fields) == [] and bytes(fields["messages"]) in body
