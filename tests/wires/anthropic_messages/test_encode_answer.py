"""Whole answers say what their streams say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import (
    Block,
    Citation,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    SearchHit,
    Text,
    ToolCall,
)
from daemon.inference.collect import collect, replay
from daemon.inference.events import BlockDelta, BlockEnd, BlockKind, BlockStart, Event, Finish, MessageStart, PartBreak
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.anthropic_messages import WIRE
from tests.wires.anthropic_messages.world import context, encode, recordings
from tests.wires.grammar_messages import read


def answer(*content: Block, **fields: Any) -> Response:
    return Response(id="r", model="upstream", content=content, **({"finish": FinishReason.STOP} | fields))


def body(*content: Block, thinking: bool | None = True, **fields: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(WIRE.encode_response(answer(*content, **fields), context(thinking=thinking)))
    return decoded


def test_the_envelope() -> None:
    assert body(Text("hi"), usage=Usage(input_tokens=10, output_tokens=2, cached_tokens=4)) == {
        "id": "msg_" + "ab" * 16,
        "type": "message",
        "role": "assistant",
        "model": "gpt-5",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 2,
        },
    }


def test_counts_that_nobody_made_are_zero() -> None:
    counts = {"input_tokens": context().input_estimate, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    assert body(Text("hi"))["usage"] == counts | {"output_tokens": 0}


CITED = Text("x", (Citation(url="https://a", title="A"), Citation(title="nowhere")))
SEARCH = HostedCall(id="w", name="web_search", hits=(SearchHit("https://a", "A"),))
BLOCKS: list[tuple[Block, list[dict[str, Any]]]] = [
    (Text(""), []),
    (ModelRefusal("no"), [{"type": "text", "text": "no"}]),
    (ModelRefusal(""), []),
    (Reasoning(parts=("a", "b"), signature="s"), [{"type": "thinking", "thinking": "a\n\nb", "signature": "s"}]),
    (Reasoning(parts=("a",)), [{"type": "thinking", "thinking": "a", "signature": ""}]),
    (Reasoning(signature="s"), [{"type": "thinking", "thinking": "", "signature": "s"}]),
    (Reasoning(signature="E", redacted=True), [{"type": "redacted_thinking", "data": "E"}]),
    (Reasoning(), []),
    (
        ToolCall(id="c.1", name="R", arguments='{"a": 1}'),
        [{"type": "tool_use", "id": "c_1", "name": "R", "input": {"a": 1}}],
    ),
    (ToolCall(id="c", name="R", arguments=" "), [{"type": "tool_use", "id": "c", "name": "R", "input": {}}]),
    (
        ToolCall(id="c", name="R", arguments='{"a'),
        [{"type": "tool_use", "id": "c", "name": "R", "input": {"_raw": '{"a'}}],
    ),
    (
        ToolCall(id="c", name="R", arguments="[1]"),
        [{"type": "tool_use", "id": "c", "name": "R", "input": {"_raw": "[1]"}}],
    ),
    (
        ToolCall(id="c", name="R", arguments='say "x"', kind="custom"),
        [{"type": "tool_use", "id": "c", "name": "R", "input": {"input": 'say "x"'}}],
    ),
    (Opaque("messages", Raw(b'{"type":"compaction"}')), [{"type": "compaction"}]),
    (Opaque("responses", Raw(b'{"type":"mcp_call"}')), []),
    (HostedCall(id="x", name="file_search"), []),
    (Image(url="https://a"), []),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_blocks(block: Block, expected: list[dict[str, Any]]) -> None:
    assert body(block)["content"] == expected


def test_citations_and_searches() -> None:
    cited, use, result = body(CITED, SEARCH)["content"]
    assert [citation["url"] for citation in cited["citations"]] == ["https://a"]
    assert (use["type"], result["tool_use_id"], result["content"][0]["url"]) == (
        "server_tool_use",
        use["id"],
        "https://a",
    )


def test_a_signature_alone_is_not_shown_to_who_switched_thinking_off() -> None:
    assert body(Reasoning(signature="s"), thinking=False)["content"] == []


@pytest.mark.parametrize(
    ("content", "finish", "word"),
    [
        ((ToolCall(id="c", name="R", arguments=""),), FinishReason.STOP, "tool_use"),
        ((Text("x"),), FinishReason.TOOL_CALLS, "end_turn"),
        ((ModelRefusal("no"),), FinishReason.STOP, "refusal"),
        ((Text("x"),), FinishReason.CONTENT_FILTER, "refusal"),
        ((ToolCall(id="c", name="R", arguments="{"),), FinishReason.LENGTH, "max_tokens"),
    ],
)
def test_stop_reasons(content: tuple[Block, ...], finish: FinishReason, word: str) -> None:
    assert body(*content, finish=finish)["stop_reason"] == word


@pytest.mark.parametrize("path", recordings("j-", ".response.json"))
def test_recordings_through_the_hub_and_back(path: Path) -> None:
    first = WIRE.decode_response(path.read_bytes(), {})
    second = WIRE.decode_response(WIRE.encode_response(first, context()), {})
    assert (second.content, second.finish, second.usage) == (first.content, first.finish, first.usage)
    assert collect(replay(first)) == first


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"<html>", "an HTML page"),
        (b"[]", "not a message of the Messages API"),
        (b"{}", "not a message of the Messages API"),
        (b'{"object":"response"}', "not a message of the Messages API"),
        (b'{"type":"message","content":[{"type":"text"}]}', "not valid Messages JSON"),
        (b'{"type":"message","content":' + b"[" * 100_000, "not JSON"),
        (b'{"type":"error","error":{"type":"api_error","message":"broken"}}', "broken"),
    ],
)
def test_answers_that_are_none(given: bytes, words: str) -> None:
    with pytest.raises(RemoteError, match=words):
        WIRE.decode_response(given, {})


def test_tool_names_are_restored() -> None:
    given = b'{"type":"message","content":[{"type":"tool_use","id":"t","name":"short","input":{}}]}'
    assert WIRE.decode_response(given, {"short": "long"}).content == (ToolCall(id="t", name="long", arguments="{}"),)


# Any events that keep the hub's invariants ------------------------------------------------------

KINDS: list[BlockKind] = ["text", "refusal", "reasoning", "tool_call", "custom_tool_call", "hosted", "opaque"]


@st.composite
def event_streams(draw: st.DrawFn) -> list[Event]:
    """Blocks that open, grow and end in any interleaving."""
    scripts: list[list[Event]] = []
    for index in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(KINDS))
        script: list[Event] = [BlockStart(index, kind, f"c{index}", "Tool")]
        if kind == "tool_call":
            arguments = json.dumps({"x": draw(st.text(max_size=6))})
            cut = draw(st.integers(1, len(arguments) - 1))
            script += [BlockDelta(index, arguments[:cut]), BlockDelta(index, arguments[cut:])]
        elif kind not in ("hosted", "opaque"):
            script += [
                BlockDelta(index, piece) for piece in draw(st.lists(st.text(min_size=1, max_size=6), max_size=3))
            ]
        if kind == "reasoning" and len(script) > 2:
            script.insert(2, PartBreak(index))
        signature = draw(st.sampled_from([None, "sig"])) if kind == "reasoning" else None
        hosted = SEARCH if kind == "hosted" else None
        opaque = Opaque("responses", Raw(b'{"type":"x"}')) if kind == "opaque" else None
        scripts.append([*script, BlockEnd(index, signature=signature, hosted=hosted, opaque=opaque)])
    out: list[Event] = [MessageStart("r", "m")]
    opened = 0
    while any(scripts):
        # a block may start only after its predecessors have
        ready = [number for number, script in enumerate(scripts) if script and number <= opened]
        number = draw(st.sampled_from(ready))
        out.append(scripts[number].pop(0))
        opened += isinstance(out[-1], BlockStart)
    usage = Usage(input_tokens=5, output_tokens=draw(st.integers(0, 9)))
    return [*out, Finish(FinishReason.STOP, usage)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw of text builds a table
@given(event_streams(), st.data())
def test_any_events_make_a_valid_stream_that_says_the_same(events: list[Event], data: st.DataObject) -> None:
    whole = collect(events)
    asked = data.draw(st.sampled_from([True, None, False]))
    expected = json.loads(WIRE.encode_response(whole, context(thinking=asked)))
    answer = encode(events, thinking=asked)
    for block in answer.content:  # a stream without a signature has no such key
        if block["type"] == "thinking":
            block.setdefault("signature", "")
    assert answer.content == expected["content"]
    assert answer.stop_reason == expected["stop_reason"]

    cut = data.draw(st.integers(0, len(events)))
    encoder = WIRE.stream_encoder(context(thinking=asked))
    stream = encoder.encode(events[:cut]) + encoder.keep_alive() + encoder.encode(events[cut:])
    read(stream)
    encoder = WIRE.stream_encoder(context(thinking=asked))
    stream = encoder.encode(events[:cut])
    read(stream + encoder.fail(RemoteError(ErrorKind.API, "cut")))
