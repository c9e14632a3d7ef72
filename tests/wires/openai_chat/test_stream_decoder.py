"""A Chat Completions stream, from every server that speaks it, to hub events."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import ModelRefusal, Opaque, Reasoning, Text, ToolCall
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    StreamError,
)
from daemon.inference.response import FinishReason, Usage
from daemon.wires.openai_chat import WIRE
from tests.wires.openai_chat.world import DONE, answer_of, call_chunk, chunk, events_of, failure_of, fragment

END = chunk(finish="stop") + DONE


def test_the_flat_deltas_become_blocks() -> None:
    events = events_of(
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        END,
    )
    assert events == [
        MessageStart("chatcmpl-7", "gpt-4o"),
        BlockStart(0, "reasoning"),
        BlockDelta(0, "hm"),
        BlockEnd(0, "reasoning_content"),
        BlockStart(1, "text"),
        BlockDelta(1, "a"),
        BlockDelta(1, "b"),
        BlockEnd(1),
        Finish(FinishReason.STOP),
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_cuts_in_the_bytes_change_nothing(size: int) -> None:
    stream = chunk({"content": "grüß 日本"}) + call_chunk(fragment('{"a":1}', "f", index=0, id="c")) + END
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert events_of(*pieces) == events_of(stream)


CONTENT = [
    ("text", [{"content": "a"}, {"content": "b"}], (Text("ab"),)),
    ("empty and null say nothing", [{"content": None, "refusal": None, "tool_calls": None}, {"content": ""}], ()),
    ("refusal", [{"refusal": "no"}, {"refusal": ", sorry"}], (ModelRefusal("no, sorry"),)),
    ("OpenRouter's field", [{"reasoning": "hm"}], (Reasoning(parts=("hm",), signature="reasoning"),)),
    ("an object that says nothing", [{"reasoning": {"a": 1}}, {"content": "x"}], (Text("x"),)),
    (
        "both fields with one text",
        [{"reasoning": "hm", "reasoning_content": "hm"}, {"reasoning": "so", "reasoning_content": "so"}],
        (Reasoning(parts=("hmso",), signature="reasoning_content"),),
    ),
    (
        "content in parts",
        [
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
            {"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"type": "text", "text": "b"}]},
            {"content": [{"type": "refusal", "refusal": "no"}, {"type": "thinking", "thinking": "so"}]},
        ],
        (
            Reasoning(parts=("hm",), signature="content"),
            Text("ab"),
            ModelRefusal("no"),
            Reasoning(parts=("so",), signature="content"),
        ),
    ),
    (
        "several kinds in one chunk",
        [{"reasoning_content": "hm", "content": "a"}, {"content": "b", "reasoning_content": "so"}],
        (
            Reasoning(parts=("hm",), signature="reasoning_content"),
            Text("a"),
            Reasoning(parts=("so",), signature="reasoning_content"),
            Text("b"),
        ),
    ),
    (
        "an image",
        [{"content": "see"}, {"images": [{"type": "image_url"}]}, {"content": "it"}],
        (Text("see"), Opaque("chat", Raw(b'{"type": "image_url"}')), Text("it")),
    ),
]


@pytest.mark.parametrize(("deltas", "content"), [row[1:] for row in CONTENT], ids=[row[0] for row in CONTENT])
def test_content(deltas: list[dict[str, object]], content: tuple[object, ...]) -> None:
    assert answer_of(*map(chunk, deltas), END).content == content


def test_a_source_belongs_to_the_text_that_is_open() -> None:
    place = {"url": "https://a.example", "title": "A", "start_index": 1, "end_index": 2}
    annotation = {"type": "url_citation", "url_citation": place}
    events = events_of(chunk({"content": "abc"}), chunk({"annotations": [annotation, {"type": "file"}]}), END)
    cited = [event.citation for event in events if isinstance(event, Cited)]
    assert [(each.url, each.title, each.start, each.end) for each in cited] == [
        ("https://a.example", "A", 1, 2),
        (None, None, None, None),
    ]
    assert cited[0].raw is not None and json.loads(bytes(cited[0].raw)) == annotation
    assert {event.index for event in events if isinstance(event, Cited)} == {0}


# --- calls ---


def call(id_: str, name: str, arguments: str) -> ToolCall:
    return ToolCall(id=id_, name=name, arguments=arguments)


CALLS = [
    (
        "by index",
        [
            [fragment("", "f", index=0, id="a", type="function")],
            [fragment('{"x"', index=0)],
            [fragment(":1}", index=0)],
            [fragment("", "g", index=1, id="b")],
            [fragment("{}", index=1)],
        ],
        (call("a", "f", '{"x":1}'), call("b", "g", "{}")),
    ),
    (
        "interleaved",
        [
            [fragment('{"x"', "f", index=0, id="a"), fragment('{"y"', "g", index=1, id="b")],
            [fragment(":1}", index=0), fragment(":2}", index=1)],
        ],
        (call("a", "f", '{"x":1}'), call("b", "g", '{"y":2}')),
    ),
    (
        "id and name repeated in every fragment (Kimi)",
        [
            [fragment("", "f", index=0, id="0")],
            [fragment("{", "f", index=0, id="0")],
            [fragment("}", "f", index=0, id="0")],
        ],
        (call("0", "f", "{}"),),
    ),
    (
        "the name in pieces, before the arguments",
        [[fragment(None, "get_", index=0, id="a")], [fragment(None, "weather", index=0)], [fragment("{}", index=0)]],
        (call("a", "get_weather", "{}"),),
    ),
    (
        "the name grows",
        [[fragment("", "get_", index=0, id="a")], [fragment("{}", "get_weather", index=0)]],
        (call("a", "get_weather", "{}"),),
    ),
    (
        "a name after the arguments began is no piece",
        [[fragment("{", "f", index=0, id="a")], [fragment("}", "other", index=0)]],
        (call("a", "f", "{}"),),
    ),
    (
        "the id late",
        [[fragment("", "f", index=0)], [fragment(None, None, index=0, id="a")], [fragment("{}", index=0)]],
        (call("a", "f", "{}"),),
    ),
    (
        "the name late, after arguments",
        [[fragment('{"x":', index=0, id="a")], [fragment("1", "f", index=0)], [fragment("}", index=0)]],
        (call("a", "f", '{"x":1}'),),
    ),
    (
        "no index: a new id is a new call, no id goes on",
        [[fragment('{"x":', "f", id="a")], [fragment("1}")], [fragment("{", "g", id="b")], [fragment("}")]],
        (call("a", "f", '{"x":1}'), call("b", "g", "{}")),
    ),
    (
        "no index, no id: a name after arguments is a new call",
        [[fragment("{}", "f")], [fragment("{}", "g")]],
        (call("call_chatcmpl-7_0", "f", "{}"), call("call_chatcmpl-7_1", "g", "{}")),
    ),
    (
        "a negative index is none",
        [[fragment("{}", "f", index=-1, id="a")], [fragment("{}", "g", index=-1, id="b")]],
        (call("a", "f", "{}"), call("b", "g", "{}")),
    ),
    (
        "a new id with a name under a known index is a new call",
        [[fragment("{}", "f", index=0, id="a")], [fragment("{}", "f", index=0, id="b")]],
        (call("a", "f", "{}"), call("b", "f", "{}")),
    ),
    (
        "another id without a name is the same call",
        [[fragment("{", "f", index=0, id="a")], [fragment("}", index=0, id="b")]],
        (call("a", "f", "{}"),),
    ),
    (
        "one id for two calls",
        [[fragment("{}", "f", index=0, id="a")], [fragment("{}", "g", index=1, id="a")]],
        (call("a", "f", "{}"), call("call_chatcmpl-7_1", "g", "{}")),
    ),
    ("no arguments at all", [[fragment(None, "f", index=0, id="a")]], (call("a", "f", ""),)),
    (
        "arguments as an object",
        [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]],
        (call("a", "f", '{"x":1}'),),
    ),
    ("a call that nobody can name is none", [[fragment("{}", index=0, id="a")]], ()),
    ("a call that says nothing is none", [[{"index": 0}]], ()),
    (
        "the name late, after another call",
        [[fragment("{}", index=0, id="a")], [fragment("{}", "g", index=1, id="b")], [fragment(None, "f", index=0)]],
        (call("b", "g", "{}"), call("a", "f", "{}")),
    ),
    (
        "what follows whole arguments is no part of them",
        [[fragment("{}", "f", index=0, id="a")], [fragment("{}", "g", index=1, id="b")], [fragment("{}", index=0)]],
        (call("a", "f", "{}"), call("b", "g", "{}")),
    ),
    (
        "custom tools, whose text may always go on",
        [
            [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": ""}}],
            [{"index": 0, "custom": {"input": "{}"}}],
            [{"index": 1, "id": "b", "type": "custom", "custom": {"name": "patch", "input": "x"}}],
            [{"index": 0, "custom": {"input": "{}"}}],
        ],
        (
            ToolCall(id="a", name="patch", arguments="{}{}", kind="custom"),
            ToolCall(id="b", name="patch", arguments="x", kind="custom"),
        ),
    ),
]


@pytest.mark.parametrize(("chunks", "content"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_calls(chunks: list[list[dict[str, object]]], content: tuple[object, ...]) -> None:
    answer = answer_of(*(call_chunk(*parts) for parts in chunks), chunk(finish="tool_calls"), DONE)
    assert answer.content == content
    assert answer.finish is (FinishReason.TOOL_CALLS if content else FinishReason.STOP)


def test_the_call_of_before_there_were_tools() -> None:
    pieces = (chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}}))
    answer = answer_of(*pieces, chunk(finish="function_call"), DONE)
    assert answer.content == (call("call_chatcmpl-7_0", "f", "{}"),)
    assert answer.finish is FinishReason.TOOL_CALLS


def test_a_whole_call_ends_when_the_next_begins() -> None:
    """So that a client which takes one block at a time need not wait for the end of the answer."""
    decoder = WIRE.stream_decoder({})
    decoder.feed(call_chunk(fragment('{"x":1}', "f", index=0, id="a")))
    assert decoder.feed(call_chunk(fragment("{", "g", index=1, id="b")))[0] == BlockEnd(0)
    assert BlockEnd(1) not in decoder.feed(chunk({"content": "and"}))  # its arguments may go on
    assert decoder.feed(call_chunk(fragment("}", index=1))) == [BlockEnd(2), BlockDelta(1, "}")]


def test_names_are_restored() -> None:
    stream = call_chunk(fragment("{}", "short", index=0, id="a")) + END
    assert answer_of(stream, names={"short": "the.long/name"}).content == (call("a", "the.long/name", "{}"),)


# --- the end ---


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("sensitive", FinishReason.CONTENT_FILTER),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("Length", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("STOP", FinishReason.STOP),
        ("tool_calls", FinishReason.STOP),
        ("what nobody knows", FinishReason.STOP),
    ],
)
def test_finish_reasons(word: str, reason: FinishReason) -> None:
    assert answer_of(chunk({"content": "a"}), chunk(finish=word), DONE).finish is reason


def test_what_came_beats_stop() -> None:
    """OpenAI ends a forced call with ``stop``, and a refusal."""
    forced = call_chunk(fragment("{}", "f", index=0, id="a")) + END
    assert answer_of(forced).finish is FinishReason.TOOL_CALLS
    assert answer_of(chunk({"refusal": "no"}), END).finish is FinishReason.REFUSAL
    assert answer_of(chunk({"refusal": "no"}), chunk(finish="length"), DONE).finish is FinishReason.LENGTH


USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (USAGE, Usage(input_tokens=5, output_tokens=3)),
        (
            {
                **USAGE,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(input_tokens=5, output_tokens=3, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2),
        ),
        ({**USAGE, "cached_tokens": 4}, Usage(input_tokens=5, output_tokens=3, cached_tokens=4)),
        ({**USAGE, "prompt_cache_hit_tokens": 4}, Usage(input_tokens=5, output_tokens=3, cached_tokens=4)),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, None),
        ({"prompt_tokens": "many"}, None),
        (None, None),
    ],
)
def test_usage(usage: object, expected: Usage | None) -> None:
    assert (
        answer_of(chunk({"content": "a"}), chunk(finish="stop"), chunk(choices=[], usage=usage), DONE).usage == expected
    )


@pytest.mark.parametrize(
    "last",
    [
        chunk(finish="stop", usage=USAGE) + DONE,
        chunk(finish="stop") + chunk(choices=[], usage=USAGE) + DONE,
        chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]) + DONE,
        chunk(usage={"prompt_tokens": 1}) + chunk(finish="stop", usage=USAGE) + chunk(usage=None) + DONE,
    ],
)
def test_the_last_usage_counts_wherever_it_stands(last: bytes) -> None:
    assert answer_of(chunk({"content": "a"}), last).usage == Usage(input_tokens=5, output_tokens=3)


def test_azure_begins_with_a_chunk_of_nothing() -> None:
    first = chunk(id="", model="", object="", choices=[], prompt_filter_results=[])
    assert events_of(first, chunk({"content": "a"}), END)[0] == MessageStart("chatcmpl-7", "gpt-4o")


def test_only_the_first_choice_is_read() -> None:
    both = chunk(choices=[{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}])
    other_end = chunk(choices=[{"index": 1, "delta": {}, "finish_reason": "length"}])
    answer = answer_of(both, other_end, END)
    assert (answer.content, answer.finish) == ((Text("a"),), FinishReason.STOP)


def test_what_follows_the_end_is_not_read() -> None:
    decoder = WIRE.stream_decoder({})
    assert isinstance(decoder.feed(END + chunk({"content": "late"}))[-1], Finish)
    assert decoder.feed(chunk({"content": "later"})) == []
    assert decoder.close() == []


def test_the_service_tier_is_reported() -> None:
    assert answer_of(chunk({"content": "a"}, service_tier="priority"), END).service_tier == "priority"


ENDS = [
    ("[DONE]", END, FinishReason.STOP),
    ("a clean close after the finish reason", chunk(finish="stop"), FinishReason.STOP),
    ("[DONE] without its blank line", chunk(finish="stop") + b"data: [DONE]", FinishReason.STOP),
    ("a last chunk without its blank line", chunk(finish="stop").rstrip(), FinishReason.STOP),
    ("[DONE] without a finish reason (Kimi)", DONE, FinishReason.STOP),
]


@pytest.mark.parametrize(("end", "reason"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_good_ends(end: bytes, reason: FinishReason) -> None:
    assert answer_of(chunk({"content": "a"}) + end).finish is reason


@pytest.mark.parametrize("word", ["", "null", "None"])
def test_a_word_for_no_reason_is_no_end(word: str) -> None:
    decoder = WIRE.stream_decoder({})
    decoder.feed(chunk({"content": "a"}, finish=word))
    assert decoder.ending == ""
    assert "finish_reason" in failure_of(chunk({"content": "a"}, finish=word)).error.message
    assert answer_of(chunk({"content": "a"}, finish=word), chunk(finish="length"), DONE).finish is FinishReason.LENGTH


def test_a_reason_counts_more_than_an_earlier_stop() -> None:
    for word in ("MAX_TOKENS", "length"):
        early = chunk({"content": "a"}, finish="stop"), chunk({"content": "b"}, finish=word)
        assert answer_of(*early, chunk(finish="stop"), DONE).finish is FinishReason.LENGTH


CUT_CALL = call_chunk(fragment('{"path": "/tm', "write", index=0, id="a"))
CUTS = [
    ("nothing", b""),
    ("a comment", b": ping\n\n"),
    ("text", chunk({"content": "a"})),
    ("half a chunk", chunk({"content": "a"}) + b'data: {"id":"chatcmpl-7","choices":[{"delta":{"con'),
    ("a call", CUT_CALL),
    ("usage alone", chunk({"content": "a"}) + chunk(choices=[], usage=USAGE)),
    ("[DONE] after nothing", DONE),
    ("[DONE] after a call that is cut", CUT_CALL + DONE),
]


@pytest.mark.parametrize("stream", [row[1] for row in CUTS], ids=[row[0] for row in CUTS])
def test_a_cut_is_reported_and_never_a_clean_end(stream: bytes) -> None:
    error = failure_of(stream).error
    assert error.kind is ErrorKind.API and "finish_reason" in error.message


FAILURES = [
    ("an error object", {"error": {"message": "busy", "code": "rate_limit_exceeded"}}, ErrorKind.RATE_LIMIT, "busy"),
    ("an error text", {"error": "it broke"}, ErrorKind.API, "it broke"),
    (
        "vLLM's bare error",
        {"object": "error", "message": "too long", "code": 400},
        ErrorKind.INVALID_REQUEST,
        "too long",
    ),
    (
        "an error in the choice (OpenRouter)",
        {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}}]},
        ErrorKind.API,
        "gone",
    ),
    ("broken off", {"choices": [{"delta": {}, "finish_reason": "error"}]}, ErrorKind.API, "aborted its answer"),
    (
        "out of capacity (DeepSeek)",
        {"choices": [{"delta": {}, "finish_reason": "insufficient_system_resource"}]},
        ErrorKind.OVERLOADED,
        "aborted its answer",
    ),
]


@pytest.mark.parametrize(("data", "kind", "words"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_failures_inside_a_stream(data: object, kind: ErrorKind, words: str) -> None:
    error = failure_of(chunk({"content": "a"}), b"data: %b\n\n" % json.dumps(data).encode(), END).error
    assert error.kind is kind and words in error.message


@pytest.mark.parametrize(
    "payload",
    [b"<html>", b'{"choices":[{"delta":{"content":"\xff"}}]}', b'{"usage":"\xff"}', b'{"error":' + b"[" * 9999],
)
def test_nothing_but_what_cannot_be_read_is_a_cut(payload: bytes) -> None:
    assert "ended before" in failure_of(b"data: %b\n\n" % payload).error.message
    assert failure_of(chunk({"content": "a"}), b"data: " + payload).error.kind is ErrorKind.API  # cut short


def test_an_event_without_end() -> None:
    decoder = WIRE.stream_decoder({})
    events: list[Event] = []
    while not events:
        events = decoder.feed(b"data: " + b"x" * (1 << 22))
    assert isinstance(events[-1], StreamError) and isinstance(events[-1].error, RemoteError)
    assert decoder.feed(END) == []
