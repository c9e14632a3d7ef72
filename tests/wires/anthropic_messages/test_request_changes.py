"""Changes to the messages of a request for servers that lag behind the Messages API."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec import Raw

from daemon.wires.anthropic_messages import request_changes as changes
from daemon.wires.anthropic_messages.request_changes import system_as_text

Change = Callable[..., Sequence[str]]


def changed(change: Change, body: dict[str, Any], argument: str = "") -> tuple[dict[str, Any], list[str]]:
    fields = {name: Raw(json.dumps(value).encode()) for name, value in body.items()}
    lost = list(change(fields, argument))
    return {name: json.loads(bytes(raw)) for name, raw in fields.items()}, lost


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def turn(role: str, *content: Any) -> dict[str, Any]:
    return {"role": role, "content": content[0] if content and isinstance(content[0], str) else list(content)}


def note(words: str, **fields: Any) -> dict[str, Any]:
    return text(f"<system-reminder>\n{words}\n</system-reminder>", **fields)


MARK = {"cache_control": {"type": "ephemeral"}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "r"}
CALL = {"type": "tool_use", "id": "t", "name": "T", "input": {"a": [1, 2.50]}}
SYSTEM: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "none",
        {"messages": [turn("user", "hi")]},
        {"messages": [turn("user", "hi")]},
        [],
    ),
    (
        "behind the user",
        {"messages": [turn("user", "hi"), turn("system", "S")]},
        {"messages": [turn("user", text("hi"), note("S"))]},
        [],
    ),
    (
        "behind results",
        {"messages": [turn("user", "hi"), turn("assistant", CALL), turn("user", RESULT), turn("system", "S")]},
        {"messages": [turn("user", "hi"), turn("assistant", CALL), turn("user", RESULT, note("S"))]},
        [],
    ),
    (
        "before results",
        {"messages": [turn("user", "hi"), turn("assistant", CALL), turn("system", "S"), turn("user", RESULT)]},
        {"messages": [turn("user", "hi"), turn("assistant", CALL), turn("user", RESULT, note("S"))]},
        [],
    ),
    (
        "between two of the assistant",
        {"messages": [turn("user", "hi"), turn("assistant", "a"), turn("system", "S"), turn("assistant", "b")]},
        {"messages": [turn("user", "hi"), turn("assistant", "a"), turn("user", note("S")), turn("assistant", "b")]},
        [],
    ),
    (
        "last",
        {"messages": [turn("user", "hi"), turn("assistant", "a"), turn("system", "S"), turn("system", "T")]},
        {"messages": [turn("user", "hi"), turn("assistant", "a"), turn("user", note("S"), note("T"))]},
        [],
    ),
    (
        "at first",
        {"system": "A", "messages": [turn("system", "S"), turn("system", text("T", **MARK)), turn("user", "hi")]},
        {"system": [text("A"), text("S"), text("T", **MARK)], "messages": [turn("user", "hi")]},
        [],
    ),
    (
        "at first, beside blocks",
        {"system": [text("A", **MARK)], "messages": [turn("system", "S"), turn("user", "hi")]},
        {"system": [text("A", **MARK), text("S")], "messages": [turn("user", "hi")]},
        [],
    ),
    (
        "alone",
        {"messages": [turn("system", "S")]},
        {"system": [text("S")], "messages": [turn("user", text("Continue."))]},
        [],
    ),
    (
        "several texts, a mark",
        {"messages": [turn("user", text("hi")), turn("system", text("S"), text("T", **MARK))]},
        {"messages": [turn("user", text("hi"), note("S\nT", **MARK))]},
        [],
    ),
    (
        "effort and tools",
        {
            "messages": [
                turn("user", "hi"),
                {"role": "system", "content": [], "output_config": {"effort": "low"}},
                turn("system", {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "T"}}),
            ],
            "output_config": {"effort": "high", "format": {"type": "json_schema"}},
        },
        {
            "messages": [turn("user", "hi")],
            "output_config": {"effort": "low", "format": {"type": "json_schema"}},
        },
        ["messages[2].tool_removal"],
    ),
    (
        "over",
        {
            "messages": [
                turn("user", "hi"),
                {"role": "system", "content": "S", "clear_at": "next_user_message"},
                turn("assistant", "a"),
                turn("user", "b"),
            ]
        },
        {"messages": [turn("user", "hi"), turn("assistant", "a"), turn("user", "b")]},
        [],
    ),
]


@pytest.mark.parametrize(("body", "sent", "lost"), [row[1:] for row in SYSTEM], ids=[row[0] for row in SYSTEM])
def test_no_message_is_the_systems(body: dict[str, Any], sent: dict[str, Any], lost: list[str]) -> None:
    assert changed(system_as_text, body) == (sent, lost)


def test_turns_that_are_not_concerned_keep_their_bytes() -> None:
    kept = b'{"role": "assistant",  "content": [{"type":"tool_use","id":"t","name":"T","input":{"a":1.50}}]}'
    fields = {"messages": Raw(b'[{"role":"user","content":"hi"},{"role":"system","content":"S"},' + kept + b"]")}
    system_as_text(fields)
    assert kept in bytes(fields["messages"])


@pytest.mark.parametrize("messages", [7, None, "x", [7], [{"content": "x"}], [{"role": "tool", "content": "x"}]])
def test_what_cannot_be_read_is_left_alone(messages: Any) -> None:
    for change in (
        system_as_text,
        changes.alternating_turns,
        changes.last_word_to_the_user,
        changes.without_empty_thinking,
        changes.with_thinking_before_calls,
    ):
        assert changed(change, {"messages": messages}) == ({"messages": messages}, [])


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([turn("user", "a"), turn("user", "b")], [turn("user", text("a"), text("b"))]),
        (
            [turn("user", "a"), turn("assistant", CALL), turn("user", RESULT), turn("user", "b")],
            [turn("user", "a"), turn("assistant", CALL), turn("user", RESULT, text("b"))],
        ),
        (
            [turn("assistant", "a"), turn("user", "b")],
            [turn("user", "Continue."), turn("assistant", "a"), turn("user", "b")],
        ),
        ([turn("user", "a"), turn("assistant", "b")], [turn("user", "a"), turn("assistant", "b")]),
    ],
)
def test_turns_alternate_and_the_user_is_first(messages: list[Any], sent: list[Any]) -> None:
    assert changed(changes.alternating_turns, {"messages": messages}) == ({"messages": sent}, [])


def test_the_user_has_the_last_word() -> None:
    messages = [turn("user", "a"), turn("assistant", "b")]
    sent, lost = changed(changes.last_word_to_the_user, {"messages": messages})
    assert (sent["messages"][:2], sent["messages"][2]["role"], lost) == (messages, "user", [])
    assert changed(changes.last_word_to_the_user, sent) == (sent, [])


REFERENCE = {"type": "tool_reference", "tool_name": "Later"}
FOUND = {"type": "search_result", "source": "s", "title": "t", "content": [text("a"), text("b")]}
REDACTED = {"type": "redacted_thinking", "data": "d"}


@pytest.mark.parametrize(
    ("kind", "content", "sent", "lost"),
    [
        (
            "tool_reference",
            [RESULT | {"content": [REFERENCE, text("x")]}, text("y")],
            [RESULT | {"content": [text("Later"), text("x")]}, text("y")],
            ["messages[1].tool_reference"],
        ),
        ("search_result", [FOUND], [text("a b")], ["messages[1].search_result"]),
        ("redacted_thinking", [REDACTED, CALL], [CALL], ["messages[1].redacted_thinking"]),
        ("redacted_thinking", [REDACTED], [text("-")], ["messages[1].redacted_thinking"]),
        ("tool_reference", [text("tool_reference"), CALL], [text("tool_reference"), CALL], []),
        ("tool_reference", [CALL | {"input": REFERENCE}], [CALL | {"input": REFERENCE}], []),
    ],
)
def test_blocks_of_a_newer_kind(kind: str, content: list[Any], sent: list[Any], lost: list[str]) -> None:
    body = {"messages": [turn("user", "hi"), turn("user", *content)]}
    given, reported = changed(changes.without_blocks_of, body, kind)
    assert (given["messages"][1]["content"], reported) == (sent, lost)


SIGNED = {"type": "thinking", "thinking": "t", "signature": "s"}
EMPTY = {"type": "thinking", "thinking": "", "signature": "s"}
UNSIGNED = {"type": "thinking", "thinking": "t", "signature": ""}


@pytest.mark.parametrize(
    ("change", "content", "sent", "lost"),
    [
        (changes.without_empty_thinking, [EMPTY, SIGNED, CALL], [SIGNED, CALL], ["messages[1].reasoning"]),
        (changes.without_empty_thinking, [SIGNED, UNSIGNED, CALL], [SIGNED, UNSIGNED, CALL], []),
        (changes.without_empty_thinking, [EMPTY], [text("-")], ["messages[1].reasoning"]),
        (changes.without_unsigned_thinking, [UNSIGNED, SIGNED, CALL], [SIGNED, CALL], ["messages[1].reasoning"]),
        (
            changes.without_unsigned_thinking,
            [{"type": "thinking", "thinking": "t"}, text("a")],
            [text("a")],
            ["messages[1].reasoning"],
        ),
        (changes.with_thinking_before_calls, [SIGNED, CALL], [SIGNED, CALL], []),
        (changes.with_thinking_before_calls, [text("a")], [text("a")], []),
    ],
)
def test_earlier_thinking_is_what_the_server_can_read(
    change: Change, content: list[Any], sent: list[Any], lost: list[str]
) -> None:
    body = {"messages": [turn("user", "hi"), turn("assistant", *content), turn("user", RESULT)]}
    given, reported = changed(change, body)
    assert (given["messages"][1]["content"], reported) == (sent, lost)


def test_a_turn_with_calls_has_thinking_where_the_server_wants_it_back() -> None:
    body = {"messages": [turn("user", "hi"), turn("assistant", text("a"), CALL), turn("user", RESULT)]}
    given, lost = changed(changes.with_thinking_before_calls, body)
    thinking, *rest = given["messages"][1]["content"]
    assert (thinking["type"], bool(thinking["thinking"]), rest, lost) == ("thinking", True, [text("a"), CALL], [])
