"""Free text through functions and back, at every cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.inference.blocks import ToolCall
from daemon.wires.tools import InputReader, ToolNames, described, unwrapped, wrapped
from tests.wires.openai_chat.world import DONE, answer_of, call_chunk, chunk, fragment, raw, tool

ARGUMENTS = [
    ("as asked for", '{"input":"a\\nb \\"c\\" \\u00e9 \\ud83d\\ude00 \\\\"}', 'a\nb "c" é 😀 \\'),
    ("with white space", ' {\n "input" : "x" }\n', "x"),
    ("empty", '{"input":""}', ""),
    ("with a line break that should be escaped", '{"input":"a\nb\\t"}', "a\nb\t"),
    ("with half a surrogate pair", '{"input":"a\\ud83d!"}', "a\ufffd!"),
    ("with more fields after it", '{"input":"x","why":"y"}', "x"),
    ("with more fields before it", '{"why":"y","input":"x"}', "x"),
    ("under another name", '{"patch":"x"}', "x"),
    ("cut", '{"input":"a\\nb', "a\nb"),
    ("cut inside an escape", '{"input":"a\\u00', "a"),
    ("just the text", "*** Begin Patch" + " x" * 50, "*** Begin Patch" + " x" * 50),
    ("a JSON text", '"x"', "x"),
    ("a list", "[1]", "[1]"),
    ("an object without text", '{"input":1}', '{"input":1}'),
    ("several fields, none the input", '{"a":"x","b":"y"}', '{"a":"x","b":"y"}'),
    ("nothing", "", ""),
]


@pytest.mark.parametrize(("arguments", "text"), [row[1:] for row in ARGUMENTS], ids=[row[0] for row in ARGUMENTS])
def test_arguments_of_every_shape_are_unwrapped(arguments: str, text: str) -> None:
    for size in (1, 2, 3, 5, len(arguments) or 1):
        reader = InputReader()
        pieces = [reader.feed(arguments[at : at + size]) for at in range(0, len(arguments), size)]
        assert "".join(pieces) + reader.close() == text


def test_text_comes_as_it_is_known() -> None:
    reader = InputReader()
    assert [reader.feed(piece) for piece in ('{"inp', 'ut":"a', "b\\", "nc", '"', "}")] == ["", "a", "b", "\nc", "", ""]
    assert reader.close() == ""


@given(st.text(), st.integers(1, 9))
def test_what_was_wrapped_is_unwrapped(text: str, size: int) -> None:
    for arguments in (wrapped(text), json.dumps({"input": text})):
        reader = InputReader()
        pieces = [reader.feed(arguments[at : at + size]) for at in range(0, len(arguments), size)]
        assert "".join(pieces) + reader.close() == text == unwrapped(arguments)


def test_the_grammar_is_described() -> None:
    assert described(tool(description="Edits.", kind="custom")) == "Edits."
    grammar = tool(kind="custom", format=raw({"type": "grammar"}))
    assert described(grammar) == 'The input must follow this format: {"type": "grammar"}'


def test_a_call_of_a_custom_tool_comes_back_as_one() -> None:
    """Also in a stream whose fragments cut the JSON, and under a shortened name."""
    names = ToolNames({"sent": "apply.patch"}, {"sent"})
    fragments = [
        fragment("", "sent", index=0, id="a"),
        fragment('{"input":"*** Be', index=0),
        fragment('gin"}', index=0),
    ]
    answer = answer_of(*map(call_chunk, fragments), chunk(finish="tool_calls"), DONE, names=names)
    assert answer.content == (ToolCall(id="a", name="apply.patch", arguments="*** Begin", kind="custom"),)
    odd = call_chunk(fragment('{"patch":"x"}', "sent", index=0, id="a"))
    assert answer_of(odd, DONE, names=names).content == (
        ToolCall(id="a", name="apply.patch", arguments="x", kind="custom"),
    )
