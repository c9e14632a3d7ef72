"""What messages hold, toward Chat servers that take less than OpenAI: each change does one thing and keeps the rest."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.wires.base import Change
from daemon.wires.openai_chat import message_changes as changes
from tests.wires.openai_chat.test_request_changes import IMAGE, assistant, changed, system, text, tool, user

Message = dict[str, Any]
MADE = "aB3dE6gH9"
"""An id that Mistral itself has made."""

SKIPPED = "skip_thought_signature_validator"


def signed(message: Message, signature: str, **extra: Any) -> Message:
    """``message`` with a thought signature at its first call, '' for none."""
    google = {"google": {"thought_signature": signature}} if signature else {}
    first, *rest = message["tool_calls"]
    return message | {"tool_calls": [first | {"extra_content": extra | google}, *rest]}


ODD_CALLS: list[Message] = [
    {"role": "assistant", "tool_calls": [], "function_call": {"name": "f"}},
    {"role": "assistant", "tool_calls": None, "function_call": {"name": "f"}},
    {"role": "assistant", "tool_calls": "x"},
]
ROWS: list[tuple[Change, str, list[Message], list[Message]]] = [
    # reasoning, in every answer
    (
        changes.blank_reasoning,
        "",
        [user("a"), assistant(None, "x"), tool("x"), assistant("b")],
        [user("a"), assistant(None, "x", reasoning_content=" "), tool("x"), assistant("b", reasoning_content=" ")],
    ),
    (
        changes.blank_reasoning,
        "reasoning",
        [assistant("a"), assistant("b", reasoning="r"), assistant("c", reasoning_content="q")],
        [
            assistant("a", reasoning=" "),
            assistant("b", reasoning="r"),
            assistant("c", reasoning_content="q", reasoning="q"),
        ],
    ),
    (
        changes.empty_reasoning,
        "reasoning_content",
        [assistant("a", reasoning_content=" "), assistant("b", reasoning_content="r"), assistant("c")],
        [
            assistant("a", reasoning_content=""),
            assistant("b", reasoning_content="r"),
            assistant("c", reasoning_content=""),
        ],
    ),
    (
        changes.worded_reasoning,
        "",
        [assistant("a", reasoning_content=""), assistant("b", reasoning=None)],
        [
            assistant("a", reasoning_content="(not kept)"),
            assistant("b", reasoning=None, reasoning_content="(not kept)"),
        ],
    ),
    # a signature with the first call of each answer, unless one has a real one
    (
        changes.signed_calls,
        "",
        [user("a"), assistant(None, "x", "y"), tool("x"), tool("y"), assistant("b")],
        [user("a"), signed(assistant(None, "x", "y"), SKIPPED), tool("x"), tool("y"), assistant("b")],
    ),
    (
        changes.signed_calls,
        "",
        [signed(assistant(None, "x"), "s"), tool("x"), signed(assistant(None, "y"), "", a=1), tool("y")],
        [signed(assistant(None, "x"), "s"), tool("x"), signed(assistant(None, "y"), SKIPPED, a=1), tool("y")],
    ),
    (
        changes.signed_calls,
        "",
        ODD_CALLS,
        ODD_CALLS,
    ),
    # content that is null, empty, a list
    (
        changes.empty_content,
        "",
        [assistant(None, "x"), {"role": "assistant", "tool_calls": []}, tool("x", None), user("a")],
        [assistant("", "x"), {"role": "assistant", "tool_calls": [], "content": ""}, tool("x", ""), user("a")],
    ),
    (
        changes.null_content,
        "",
        [assistant("", "x"), assistant([], "y"), assistant(" ", "z"), assistant("a", "w"), user("")],
        [assistant(None, "x"), assistant(None, "y"), assistant(None, "z"), assistant("a", "w"), user("")],
    ),
    (changes.null_content, "", [user("a"), assistant(""), assistant(None), user("b")], [user("a"), user("b")]),
    (changes.null_content, "", [assistant([IMAGE], "x")], [assistant([IMAGE], "x")]),
    (changes.blank_content, "", [assistant(None, "x"), tool("x", "")], [assistant(" ", "x"), tool("x", " ")]),
    (
        changes.text_content,
        "",
        [system([text("a"), text("b")]), user([text("c")]), tool("x", [text("d")]), user([text("e"), IMAGE])],
        [system("a\n\nb"), user("c"), tool("x", "d"), user([text("e"), IMAGE])],
    ),
    # ids
    (
        changes.call_ids,
        "length of 9",
        [assistant(None, "toolu_01A", MADE), tool("toolu_01A"), tool(MADE)],
        [assistant(None, "7kqYnOZ3d", MADE), tool("7kqYnOZ3d"), tool(MADE)],
    ),
    (changes.call_ids, "maximum length 40", [assistant(None, "x" * 40)], [assistant(None, "x" * 40)]),
    (
        changes.call_ids,
        "call_",
        [assistant(None, "call_1"), tool("call_1"), user("a")],
        [assistant(None, "call_1"), tool("call_1"), user("a")],
    ),
]


@pytest.mark.parametrize(("change", "argument", "before", "after"), ROWS)
def test_a_change_does_one_thing(change: Change, argument: str, before: list[Message], after: list[Message]) -> None:
    body, lost = changed(change, {"messages": before}, argument)
    assert body == {"messages": after}
    assert lost == []
    assert changed(change, body, argument)[0] == body, "made twice, it changes nothing more"


@pytest.mark.parametrize(
    "form", ["length of 9", "maximum length 40", "^[a-zA-Z0-9_-]+$", "letters, numbers, underscores", "call_"]
)
def test_calls_and_results_keep_each_other(form: str) -> None:
    ids = ["toolu_01ABCDEFGH", "Bash:0", "call 2", "x" * 70, "functions.read:0", "é", "0"]
    body, _ = changed(changes.call_ids, {"messages": [assistant(None, *ids), *map(tool, ids)]}, form)
    asking, *results = body["messages"]
    called = [call["id"] for call in asking["tool_calls"]]
    assert called == [result["tool_call_id"] for result in results]
    assert len(set(called)) == len(ids)


@pytest.mark.parametrize(
    ("choice", "sent", "lost"),
    [
        ("required", "auto", ["tool_choice"]),
        ({"type": "function", "function": {"name": "f"}}, "auto", ["tool_choice"]),
        ("auto", "auto", []),
        ("none", "none", []),
    ],
)
def test_the_model_may_choose(choice: Any, sent: Any, lost: list[str]) -> None:
    assert changed(changes.automatic_tool_choice, {"tool_choice": choice}) == ({"tool_choice": sent}, lost)
    assert changed(changes.automatic_tool_choice, {}) == ({}, [])


def test_who_has_no_form_for_a_named_tool_is_offered_that_one_alone() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    named = {"type": "function", "function": {"name": "g"}}
    body, lost = changed(changes.tool_choice_in_a_word, {"tools": tools, "tool_choice": named})
    assert (body, lost) == ({"tools": tools[1:], "tool_choice": "required"}, [])
    for same in ({"tools": tools, "tool_choice": "auto"}, {"tools": tools}, {"tool_choice": {"type": "any"}}):
        assert changed(changes.tool_choice_in_a_word, same) == (same, [])


def test_who_calls_a_tool_says_nothing_beside_it() -> None:
    before = [assistant("a", "x"), tool("x"), assistant(None, "y"), assistant("b")]
    after = [assistant(None, "x"), tool("x"), assistant(None, "y"), assistant("b")]
    assert changed(changes.calls_without_text, {"messages": before}) == ({"messages": after}, ["messages[0].text"])
    assert changed(changes.calls_without_text, {"messages": after}) == ({"messages": after}, [])
