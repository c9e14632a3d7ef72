"""Conversations toward Chat servers with strict templates: each change does one thing and keeps the rest."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from daemon.wires.added_text import CONTINUE as GO_ON
from daemon.wires.added_text import UNDERSTOOD as OK
from daemon.wires.added_text import reminder
from daemon.wires.base import Change
from daemon.wires.openai_chat import request_changes as changes

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
UNDERSTOOD = {"role": "assistant", "content": OK}
CONTINUE = {"role": "user", "content": GO_ON}

Message = dict[str, Any]


def system(content: Any) -> Message:
    return {"role": "system", "content": content}


def developer(content: Any) -> Message:
    return {"role": "developer", "content": content}


def user(content: Any, **fields: Any) -> Message:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any = None, *ids: str, **fields: Any) -> Message:
    message = {"role": "assistant", "content": content, **fields}
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return message | ({"tool_calls": calls} if calls else {})


def tool(call_id: str, content: Any = "1") -> Message:
    return {"role": "tool", "content": content, "tool_call_id": call_id}


def text(words: str) -> Message:
    return {"type": "text", "text": words}


def changed(change: Change, body: dict[str, Any], argument: str = "") -> tuple[dict[str, Any], list[str]]:
    fields = msgspec.json.decode(json.dumps(body).encode(), type=dict[str, Raw])
    lost = change(fields, argument)
    return json.loads(msgspec.json.encode(fields)), list(lost)


Row = tuple[Change, list[Message], list[Message]]

TURNS: list[Row] = [
    # one call at a time
    (
        changes.one_call_at_a_time,
        [user("a"), assistant(None, "1"), tool("1")],
        [user("a"), assistant(None, "1"), tool("1")],
    ),
    (
        changes.one_call_at_a_time,
        [assistant("b", "1", "2", reasoning="r"), tool("2", [text("two")]), tool("1"), user("c")],
        [assistant("b", "1", reasoning="r"), tool("1"), assistant("", "2"), tool("2", [text("two")]), user("c")],
    ),
    (
        changes.one_call_at_a_time,
        [assistant(None, "1", "2"), tool("1"), user("c"), assistant(None, "3", "4")],
        [assistant(None, "1"), tool("1"), assistant(None, "2"), user("c"), assistant(None, "3"), assistant(None, "4")],
    ),
    # one system message, the first
    (changes.system_first, [user("a"), assistant("b")], [user("a"), assistant("b")]),
    (changes.system_first, [system("s"), user("a")], [system("s"), user("a")]),
    (changes.system_first, [developer("s"), user("a")], [system("s"), user("a")]),
    (
        changes.system_first,
        [system("s"), developer([text("d"), text("e")]), user("a")],
        [system("s\n\nd\n\ne"), user("a")],
    ),
    (changes.system_first, [system("s"), system([IMAGE]), user("a")], [system([text("s"), IMAGE]), user("a")]),
    (changes.system_first, [user("a"), system("s"), assistant("b")], [user(f"a\n\n{reminder('s')}"), assistant("b")]),
    (changes.system_first, [user("a"), system("s"), user("b")], [user(f"a\n\n{reminder('s')}"), user("b")]),
    (
        changes.system_first,
        [user("a"), assistant("b"), system("s"), user("c", name="n")],
        [user("a"), assistant("b"), user(f"{reminder('s')}\n\nc")],
    ),
    (
        changes.system_first,
        [user("a"), assistant(None, "x", "y"), tool("x"), system("s"), tool("y"), assistant("b")],
        [user("a"), assistant(None, "x", "y"), tool("x"), tool("y"), user(reminder("s")), assistant("b")],
    ),
    (
        changes.system_first,
        [user("a"), assistant(None, "x"), developer("s"), tool("x"), system("t")],
        [user("a"), assistant(None, "x"), tool("x"), user(f"{reminder('s')}\n\n{reminder('t')}")],
    ),
    (changes.system_first, [user([text("a"), IMAGE]), system("s")], [user([text("a"), IMAGE, text(reminder("s"))])]),
    (changes.system_first, [user("a"), system([IMAGE])], [user([text("a"), IMAGE])]),
    # none at all
    (changes.no_system_role, [system("s"), user("a"), system("t")], [user(f"s\n\na\n\n{reminder('t')}")]),
    (changes.no_system_role, [system("s"), assistant("a")], [user("s"), assistant("a")]),
    (changes.no_system_role, [developer("s")], [user("s")]),
    (changes.no_system_role, [user("a")], [user("a")]),
    (changes.no_developer_role, [developer("s"), user("a"), developer("t")], [system("s"), user("a"), system("t")]),
    # turns alternate
    (changes.alternating, [system("s"), user("a"), user("b")], [system("s"), user("a\n\nb")]),
    (changes.alternating, [user("a"), user([IMAGE])], [user([text("a"), IMAGE])]),
    (changes.alternating, [user("a"), system("s"), user("b")], [user(f"a\n\n{reminder('s')}\n\nb")]),
    (changes.alternating, [assistant("a"), user("b")], [CONTINUE, assistant("a"), user("b")]),
    (changes.alternating, [system("s"), assistant("a")], [system("s"), CONTINUE, assistant("a")]),
    (
        changes.alternating,
        [user("a"), assistant("b", reasoning_content="r"), assistant(None, "x", reasoning_content="q"), tool("x")],
        [user("a"), assistant("b", "x", reasoning_content="r\n\nq"), tool("x")],
    ),
    (
        changes.alternating,
        [user("a"), assistant(None, "x", "y"), tool("x"), tool("y"), user("b")],
        [user("a"), assistant(None, "x", "y"), tool("x"), tool("y"), UNDERSTOOD, user("b")],
    ),
    (
        changes.alternating,
        [user("a"), assistant(None, "x"), tool("x"), user(reminder("now")), assistant("b")],
        [user("a"), assistant(None, "x"), tool("x", f"1\n\n{reminder('now')}"), assistant("b")],
    ),
    (
        changes.alternating,
        [user("a"), assistant(None, "x"), tool("x"), system("now"), user("b")],
        [user("a"), assistant(None, "x"), tool("x"), UNDERSTOOD, user(f"{reminder('now')}\n\nb")],
    ),
    (
        changes.alternating,
        [user("a"), assistant(None, "x"), user("stop")],
        [user("a"), assistant(None, "x"), UNDERSTOOD, user("stop")],
    ),
    # who speaks last
    (changes.assistant_prefix, [user("a"), assistant("b")], [user("a"), assistant("b", prefix=True)]),
    (changes.assistant_prefix, [assistant("b"), user("a")], [assistant("b"), user("a")]),
    (changes.assistant_prefix, [user("a"), assistant(None, "x")], [user("a"), assistant(None, "x")]),
    (changes.user_last, [user("a"), assistant("b", prefix=True)], [user("a"), assistant("b"), CONTINUE]),
    (changes.user_last, [system("s")], [system("s"), CONTINUE]),
    (
        changes.user_last,
        [system("s"), assistant(None, "x"), tool("x")],
        [system("s"), CONTINUE, assistant(None, "x"), tool("x")],
    ),
    (changes.user_last, [user("a"), assistant(None, "x")], [user("a"), assistant(None, "x")]),
    (changes.user_last, [user("a"), assistant(None, "x"), tool("x")], [user("a"), assistant(None, "x"), tool("x")]),
]


@pytest.mark.parametrize(("change", "before", "after"), TURNS)
def test_turns(change: Change, before: list[Message], after: list[Message]) -> None:
    body, lost = changed(change, {"model": "m", "messages": before})
    assert body == {"model": "m", "messages": after}
    assert lost == []
    assert changed(change, body)[0] == body, "made twice, it changes nothing more"


CHANGES: list[Change] = list(dict.fromkeys(row[0] for row in TURNS))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "messages", ["x", None, 5, [], [1], ["a"], [{"role": 5}], [{"role": "user", "content": 5}], [{}]]
)
def test_odd_messages_are_left_alone_or_survive(change: Change, messages: Any) -> None:
    changed(change, {"messages": messages})
    assert changed(change, {"model": "m"})[0] == {"model": "m"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_body_in_which_nothing_is_to_change_keeps_its_bytes(change: Change) -> None:
    """Otherwise a refused request would be asked again as it is."""
    messages = Raw(b'[ {"role": "system", "content": "s"}, {"role" : "user","content":[{"type":"text", "text":"a"}]} ]')
    fields = {"messages": messages}
    change(fields, "")
    assert change is changes.no_system_role or fields["messages"] is messages


@pytest.mark.parametrize("change", [changes.system_first, changes.alternating])
def test_the_messages_of_a_turn_begin_the_next_one(change: Change) -> None:
    conversation = [
        system("s"),
        user("a"),
        system("t"),
        assistant("b", "x"),
        tool("x"),
        user(reminder("now")),
        assistant("c"),
        user("d"),
        system("u"),
    ]
    asked = [changed(change, {"messages": conversation[:end]})[0]["messages"] for end in (3, 6, 9)]
    for before, after in pairwise(asked):
        assert after[: len(before)] == before


def test_tools_as_text() -> None:
    before = [user("a"), assistant("b", "x"), tool("x", "one"), tool("y", [text("two")]), user("c")]
    body, lost = changed(changes.tools_as_text, {"messages": before})
    first, call, results = body["messages"]
    assert (first, call["role"], results["role"]) == (user("a"), "assistant", "user")
    assert call["content"].startswith("b\n\n[tool call] ")
    assert '"arguments":' in call["content"]
    assert "tool_calls" not in call
    assert results["content"] == "[result of a tool]\n\none\n\n[result of a tool]\n\ntwo\n\nc"
    assert lost == ["messages[1].tool_calls", "messages[2].tool_result", "messages[3].tool_result"]


def strict(messages: list[Message]) -> str:
    """What the templates of Mistral and Devstral say; '' where they are content."""
    if any(each["role"] in ("system", "developer") for each in messages[1:]):
        return "System message must be at the beginning."
    before, spoken = "", 0
    for message in messages:
        role = message["role"]
        if before == "tool" and role == "user":
            return "Unexpected role 'user' after role 'tool'"
        if role in ("user", "assistant") and not message.get("tool_calls"):
            if (role == "user") != (spoken % 2 == 0):
                return "After the optional system message, conversation roles must alternate"
            spoken += 1
        before = role
    return ""


@pytest.mark.parametrize(
    "messages",
    [
        [system("a"), developer("b"), user("env"), user("hi")],
        [user("hi"), system("agents")],
        [developer("a"), user("b"), assistant(None, "x"), tool("x"), system("c"), assistant("d"), user("e")],
        [user("a"), assistant("let me see"), assistant(None, "x"), tool("x"), user([text("b"), IMAGE])],
        [user("a"), assistant(None, "x"), tool("x"), assistant(None, "y"), tool("y"), user("b"), user("c")],
        [assistant("welcome"), user("a"), assistant(None, "x"), user("no"), user("stop")],
    ],
)
def test_strict_templates_take_what_alternates(messages: list[Message]) -> None:
    assert strict(messages)
    assert strict(changed(changes.alternating, {"messages": messages})[0]["messages"]) == ""
