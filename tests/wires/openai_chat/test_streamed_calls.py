"""Which fragments of calls belong together, where neither index nor id says so: whole arguments do."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.inference.blocks import ToolCall
from daemon.inference.events import BlockDelta, BlockStart
from daemon.wires.openai_chat import WIRE
from daemon.wires.tools import ToolNames
from tests.wires.openai_chat.world import DONE, answer_of, call_chunk, chunk, events_of, fragment

Parts = list[dict[str, Any]]
A, B = '{"a":"1"}', '{"a":"2"}'
LONG = '{"command": "ls '
PATCH = {"type": "custom", "custom": {"name": "patch", "input": "{} is what is patched"}}


def message(*parts: dict[str, Any]) -> bytes:
    """A last chunk with the whole message, as some servers send it behind the deltas."""
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": list(parts)}, "finish_reason": "tool_calls"}
    return chunk(choices=[choice])


# Fragments, chunk by chunk, and the calls (tool, arguments) that they are.
ONE_INDEX: list[tuple[str, list[Parts], list[tuple[str, str]]]] = [
    (
        "two tools without ids",
        [[fragment(A, "f", index=0)], [fragment(B, "g", index=0)]],
        [("f", A), ("g", B)],
    ),
    (
        "two tools with empty ids",
        [[fragment(A, "f", index=0, id="")], [fragment(B, "g", index=0, id="")]],
        [("f", A), ("g", B)],
    ),
    (
        "one tool twice, in one chunk",
        [[fragment(A, "f", index=0), fragment(B, "f", index=0)]],
        [("f", A), ("f", B)],
    ),
    (
        "one tool twice, without index",
        [[fragment(A, "f")], [fragment(B, "f")]],
        [("f", A), ("f", B)],
    ),
    (
        "one id for both",
        [[fragment(A, "f", index=0, id="call_0")], [fragment(B, "f", index=0, id="call_0")]],
        [("f", A), ("f", B)],
    ),
    (
        "announced first, the arguments behind",
        [
            [fragment("", "f", index=0)],
            [fragment('{"a"', index=0)],
            [fragment(':"1"}', index=0)],
            [fragment("", "g", index=0)],
            [fragment(B, index=0)],
        ],
        [("f", A), ("g", B)],
    ),
    (
        "the same tool announced once more",
        [[fragment("", "f", index=0)], [fragment(A, index=0)], [fragment("", "f", index=0)], [fragment(B, index=0)]],
        [("f", A), ("f", B)],
    ),
    (
        "the name with every fragment",
        [[fragment("", "f")], [fragment('{"a"', "f")], [fragment(':{"b":1}', "f")], [fragment("}", "f")]],
        [("f", '{"a":{"b":1}}')],
    ),
    (
        "the name once more behind whole arguments",
        [[fragment(A, "f", index=0)], [fragment("", "f", index=0)]],
        [("f", A)],
    ),
]
PLACEHOLDERS: list[tuple[str, list[Parts], list[tuple[str, str]]]] = [
    *(
        (
            f"{placeholder!r}, then the arguments in pieces",
            [[fragment(placeholder, "f", index=0, id="x")], [fragment('{"a":', index=0)], [fragment('"1"}', index=0)]],
            [("f", A)],
        )
        for placeholder in ("{}", " {} ", "null", "  ", '""')
    ),
    *(
        (f"{alone!r} alone", [[fragment(alone, "f", index=0, id="x")]], [("f", "{}")])
        for alone in ("{}", "{ }", "null", " \n ", " " * 500, '""')
    ),
    (
        "an empty object, then the arguments",
        [
            [{"index": 0, "id": "x", "function": {"name": "f", "arguments": {}}}],
            [{"index": 0, "function": {"arguments": {"a": "1"}}}],
        ],
        [("f", A)],
    ),
    (
        "of two calls, before the arguments of both",
        [
            [fragment("{}", "f", index=0, id="x"), fragment("{}", "g", index=1, id="y")],
            [fragment(A, index=0)],
            [fragment(B, index=1)],
        ],
        [("f", A), ("g", B)],
    ),
    (
        "a call without arguments, then another",
        [[fragment("{}", "f", index=0, id="x")], [fragment("", "g", index=1, id="y")], [fragment(B, index=1)]],
        [("f", "{}"), ("g", B)],
    ),
    ("the name with both", [[fragment("{}", "f", index=0)], [fragment(A, "f", index=0)]], [("f", A)]),
]
REPEATED: list[tuple[str, list[Parts], list[tuple[str, str]]]] = [
    ("with id and name", [[fragment(A, "f", index=0, id="x")]] * 2, [("f", A)]),
    ("with the arguments alone", [[fragment(A, "f", index=0, id="x")], [fragment(A, index=0)]], [("f", A)]),
    (
        "spaced in another way",
        [[fragment(A, "f", index=0, id="x")], [fragment('{"a": "1"}', "f", index=0, id="x")]],
        [("f", A)],
    ),
    (
        "after its pieces",
        [[fragment('{"a":', "f", index=0, id="x")], [fragment('"1"}', index=0)], [fragment(A, "f", index=0, id="x")]],
        [("f", A)],
    ),
    (
        "all calls at index 0, and all again",
        [
            [fragment(A, "f", index=0)],
            [fragment(B, "g", index=0)],
            [fragment(A, "f", index=0), fragment(B, "g", index=0)],
        ],
        [("f", A), ("g", B)],
    ),
    (
        "equal arguments under ids of their own",
        [[fragment(A, "f", index=0, id="x")], [fragment(A, "f", index=0, id="y")]],
        [("f", A), ("f", A)],
    ),
    (
        "equal arguments under indices of their own",
        [[fragment(A, "f", index=0)], [fragment(A, "f", index=1)]],
        [("f", A), ("f", A)],
    ),
    (
        "true is not 1",
        [[fragment('{"a":true}', "f", index=0)], [fragment('{"a":1}', "f", index=0)]],
        [("f", '{"a":true}'), ("f", '{"a":1}')],
    ),
]
IDS: list[tuple[str, list[Parts], list[tuple[str, str]]]] = [
    (
        "another one with each fragment",
        [
            [fragment("", "f", index=0, id="1")],
            [fragment('{"a":', "f", index=0, id="2")],
            [fragment('"1"}', "f", index=0, id="3")],
        ],
        [("f", A)],
    ),
    (
        "the same without index",
        [[fragment("", "f", id="1")], [fragment('{"a":', "f", id="2")], [fragment('"1"}', "f", id="3")]],
        [("f", A)],
    ),
    (
        "of two calls, and the second once more",
        [
            [fragment('{"a":', "f", index=0, id="1")],
            [fragment('"1"}', "f", index=0, id="2")],
            [fragment('{"a":', "f", index=0, id="3")],
            [fragment('"2"}', "f", index=0, id="4")],
            [fragment(B, "f", index=0, id="5")],
        ],
        [("f", A), ("f", B)],
    ),
]
CUMULATIVE: list[tuple[str, list[Parts], list[tuple[str, str]]]] = [
    (
        "all so far each time",
        [
            [fragment(LONG, "f", index=0, id="x")],
            [fragment(LONG + "-l", index=0)],
            [fragment(LONG + '-l"}', index=0)],
            [fragment(LONG + '-l"}', index=0)],
        ],
        [("f", LONG + '-l"}')],
    ),
    (
        "with name and id, without index",
        [[fragment(LONG, "f", id="x")], [fragment(LONG + "-l", "f", id="x")], [fragment(LONG + '-l"}', "f", id="x")]],
        [("f", LONG + '-l"}')],
    ),
    (
        "too little to be no accident",
        [[fragment('{"a":', "f", index=0, id="x")], [fragment('{"a":1}', index=0)], [fragment("}", index=0)]],
        [("f", '{"a":{"a":1}}')],
    ),
]
ROWS = {"one index": ONE_INDEX, "placeholder": PLACEHOLDERS, "again": REPEATED, "ids": IDS, "cumulative": CUMULATIVE}
TABLE = [pytest.param(*row[1:], id=f"{kind}: {row[0]}") for kind, rows in ROWS.items() for row in rows]


@pytest.mark.parametrize(("chunks", "calls"), TABLE)
def test_fragments_become_the_calls_that_were_meant(chunks: list[Parts], calls: list[tuple[str, str]]) -> None:
    answer = answer_of(*(call_chunk(*parts) for parts in chunks), chunk(finish="tool_calls"), DONE)
    made = [(each.name, each.arguments) for each in answer.content if isinstance(each, ToolCall)]
    assert made == calls
    ids = [each.id for each in answer.content if isinstance(each, ToolCall)]
    assert len(set(ids)) == len(ids) and all(ids)


@pytest.mark.parametrize(
    "parts",
    [[fragment(A, "f", id="x"), fragment(B, "g", id="y")], [fragment(A, "f"), fragment(B, "g")]],
    ids=["with ids", "without"],
)
def test_a_whole_message_behind_the_deltas_adds_nothing(parts: Parts) -> None:
    streamed = [call_chunk({**part, "index": index}) for index, part in enumerate(parts)]
    answer = answer_of(*streamed, message(*parts), DONE)
    assert [each.arguments for each in answer.content if isinstance(each, ToolCall)] == [A, B]


def test_free_text_is_no_json() -> None:
    """A custom call may say a thing twice, begin as before, and be nothing but a placeholder."""
    for again in ("{} is what is patched", "{} is what is patched, and more", "{}"):
        more = {"index": 0, "custom": {"input": again}}
        answer = answer_of(call_chunk({"index": 0, "id": "x", **PATCH}), call_chunk(more), DONE)
        assert [each.arguments for each in answer.content if isinstance(each, ToolCall)] == [
            "{} is what is patched" + again
        ]


@pytest.mark.parametrize("nothing", ["{}", "null", "  "])
def test_a_custom_tool_that_travels_as_a_function_gets_no_placeholder_as_text(nothing: str) -> None:
    names = ToolNames({"patch": "patch"}, {"patch"})
    alone = call_chunk(fragment(nothing, "patch", index=0, id="x"))
    answer = answer_of(alone, chunk(finish="tool_calls"), DONE, names=names)
    assert answer.content == (ToolCall(id="x", name="patch", arguments="", kind="custom"),)
    followed = answer_of(alone, call_chunk(fragment('{"input":"a"}', index=0)), DONE, names=names)
    assert followed.content == (ToolCall(id="x", name="patch", arguments="a", kind="custom"),)


def test_arguments_of_ordinary_servers_go_on_at_once() -> None:
    decoder = WIRE.stream_decoder({})
    decoder.feed(call_chunk(fragment("", "f", index=0, id="x")))
    assert decoder.feed(call_chunk(fragment("{", index=0))) == [
        BlockStart(0, "tool_call", "x", "f"),
        BlockDelta(0, "{"),
    ]
    for piece in ('"a', '":', "{", "}", " ", "}"):
        assert decoder.feed(call_chunk(fragment(piece, index=0))) == [BlockDelta(0, piece)]


def test_a_name_with_every_fragment_is_no_matter_of_squares() -> None:
    """Whether arguments are whole is asked of all of them: a server that makes it be asked at each fragment cannot
    have them read without end."""
    pieces = [fragment('{"a":["', "f", index=0)]
    pieces += [fragment("{}" * 64 + "}", "f", index=0)] * 3000
    events = events_of(*map(call_chunk, pieces))
    said = "".join(event.text for event in events if isinstance(event, BlockDelta))
    assert said == "".join(piece["function"]["arguments"] for piece in pieces)
