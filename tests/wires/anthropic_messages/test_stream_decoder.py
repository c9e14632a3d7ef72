"""Recorded streams, whole and cut anywhere, and what broken upstreams send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import ErrorKind, Scope
from daemon.inference.blocks import HostedCall, ModelRefusal, Opaque, Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.events import BlockEnd, Event, Finish, MessageStart, StreamError
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.anthropic_messages import WIRE
from daemon.wires.sse import frame
from tests.wires.anthropic_messages.world import context, decode, recordings
from tests.wires.grammar_messages import read


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(frame(event["type"], json.dumps(event).encode()) for event in events)


def start(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return {"type": "message_start", "message": message}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *deltas: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": delta} for delta in deltas))


def end(reason: str | None = "end_turn", **fields: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": fields.pop("stop_sequence", None), **fields.pop("delta", {})}
    return [{"type": "message_delta", "delta": delta, "usage": fields}, {"type": "message_stop"}]


def response(*events: dict[str, Any]) -> Response:
    return collect(decode(stream(*events)))


def failure(data: bytes) -> StreamError:
    events = decode(data)
    assert isinstance(events[-1], StreamError)
    assert sum(isinstance(event, StreamError | Finish) for event in events) == 1
    return events[-1]


@pytest.mark.parametrize("path", recordings("s-", ".stream.sse"))
def test_recordings_at_every_cut(path: Path) -> None:
    data = path.read_bytes()
    whole = decode(data)
    assert isinstance(whole[0], MessageStart)
    assert isinstance(whole[-1], Finish)
    assert decode(data, 1) == whole
    for cut in range(0, len(data), max(1, len(data) // 400)):
        decoder = WIRE.stream_decoder({})
        assert decoder.feed(data[:cut]) + decoder.feed(data[cut:]) + decoder.close() == whole, cut


@pytest.mark.parametrize("path", recordings("s-", ".stream.sse"))
def test_recordings_through_the_hub_and_back(path: Path) -> None:
    """wire -> hub -> wire -> hub is the same answer, and the stream between keeps the grammar."""
    events = decode(path.read_bytes())
    data = WIRE.stream_encoder(context()).encode(events)
    read(data)
    first, second = collect(events), collect(decode(data))
    assert said(first) == said(second)
    assert (first.usage, first.finish, first.stop_sequence) == (second.usage, second.finish, second.stop_sequence)


def said(answer: Response) -> list[object]:
    """Blocks by what they say: raw citations compare by text; a refusal comes back as text."""
    out: list[object] = []
    for each in answer.content:
        if isinstance(each, Text | ModelRefusal):
            citations = [c.cited_text for c in each.citations] if isinstance(each, Text) else []
            out += [(each.text, citations)] if each.text else []
        else:
            out.append(each)
    return out


@pytest.mark.parametrize("path", recordings("s-", ".stream.sse"))
def test_a_cut_recording_is_never_a_success(path: Path) -> None:
    data = path.read_bytes()
    stop = data.rindex(b"event: message_stop")
    for cut in [*range(0, stop, max(1, stop // 100)), stop]:
        events = decode(data[:cut])
        assert isinstance(events[-1], StreamError), cut
        answer = read(WIRE.stream_encoder(context()).encode(events))
        assert answer.error is not None


def test_blocks() -> None:
    answer = response(
        start(input_tokens=3, output_tokens=1),
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "h"},
            {"type": "thinking_delta", "thinking": "m"},
            {"type": "signature_delta", "signature": "si"},
            {"type": "signature_delta", "signature": "g"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "Em"}),
        *text(2, "a", "", "b"),
        *block(
            3,
            {"type": "tool_use", "id": "t1", "name": "Read", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"a"'},
            {"type": "input_json_delta", "partial_json": ":1}"},
        ),
        *end("tool_use", output_tokens=9),
    )
    assert answer.content == (
        Reasoning(parts=("hm",), signature="sig"),
        Reasoning(signature="Em", redacted=True),
        Text("ab"),
        ToolCall(id="t1", name="Read", arguments='{"a":1}'),
    )
    assert answer.finish is FinishReason.TOOL_CALLS
    assert answer.usage == Usage(input_tokens=3, output_tokens=9)


def test_what_comes_whole_with_the_start_counts_too() -> None:
    answer = response(
        start(),
        *block(0, {"type": "text", "text": "hi"}),
        *block(1, {"type": "tool_use", "id": "t", "name": "R", "input": {"a": 1}}),
        *end("tool_use"),
    )
    assert answer.content == (Text("hi"), ToolCall(id="t", name="R", arguments='{"a": 1}'))


def test_usage_adds_up_and_later_counts_win() -> None:
    opening = start(input_tokens=10, cache_read_input_tokens=100, cache_creation_input_tokens=1000, output_tokens=1)
    answer = response(opening, *text(0, "x"), *end(output_tokens=7, output_tokens_details={"thinking_tokens": 2}))
    assert answer.usage == Usage(
        input_tokens=1110, output_tokens=7, cached_tokens=100, cache_write_tokens=1000, reasoning_tokens=2
    )
    assert response(start(), *end()).usage is None


def test_shortened_tool_names_are_restored() -> None:
    data = stream(start(), *block(0, {"type": "tool_use", "id": "t", "name": "short", "input": {}}), *end())
    decoder = WIRE.stream_decoder({"short": "mcp__a_very_long_name"})
    call = collect(decoder.feed(data)).content[0]
    assert isinstance(call, ToolCall)
    assert call.name == "mcp__a_very_long_name"


def test_a_hosted_search_is_one_block() -> None:
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    hit = {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "E", "page_age": None}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [hit]}
    events = [
        start(),
        *block(0, use, {"type": "input_json_delta", "partial_json": '{"query": "q"}'}),
        *block(1, result),
        *text(2, "x"),
        *end(),
    ]
    hosted, said_after = response(*events).content
    assert isinstance(hosted, HostedCall)
    assert [(hit.url, hit.title) for hit in hosted.hits] == [("https://a", "A")]
    assert json.loads(bytes(hosted.input or b"")) == {"query": "q"}
    assert said_after == Text("x")
    back = read(WIRE.stream_encoder(context()).encode(decode(stream(*events))))
    assert back.content == [use | {"input": {"query": "q"}}, result, {"type": "text", "text": "x"}]


@pytest.mark.parametrize("content", [{"type": "web_search_tool_result_error", "error_code": "unavailable"}, None])
def test_a_search_that_failed_has_no_hits(content: object) -> None:
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    result = block(1, {"type": "web_search_tool_result", "tool_use_id": "s1", "content": content}) if content else []
    (hosted,) = response(start(), *block(0, use), *result, *end()).content
    assert isinstance(hosted, HostedCall)
    assert hosted.hits == ()


def test_unknown_blocks_stay_raw_with_what_their_deltas_brought() -> None:
    use = {"type": "server_tool_use", "id": "s1", "name": "code_execution", "input": {}}
    compaction = {"type": "compaction", "content": None}
    answer = response(
        start(),
        *block(0, use, {"type": "input_json_delta", "partial_json": '{"code":"1"}'}),
        *block(1, compaction, {"type": "compaction_delta", "content": "so far"}),
        *block(2, {"type": "hologram", "depth": 3}, {"type": "hologram_delta", "z": 1}),
        *end(),
    )
    raws = [json.loads(bytes(each.raw)) for each in answer.content if isinstance(each, Opaque)]
    assert raws == [
        use | {"input": {"code": "1"}},
        {"type": "compaction", "content": "so far"},
        {"type": "hologram", "depth": 3},
    ]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("stop_sequence", FinishReason.STOP_SEQUENCE),
        ("refusal", FinishReason.REFUSAL),
        ("pause_turn", FinishReason.PAUSE),
        ("model_context_window_exceeded", FinishReason.CONTEXT_WINDOW),
        (None, FinishReason.STOP),
        ("what is yet to come", FinishReason.STOP),
    ],
)
def test_stop_reasons(word: str | None, reason: FinishReason) -> None:
    assert response(start(), *text(0, "x"), *end(word)).finish is reason


def test_stop_sequence() -> None:
    assert response(start(), *end("stop_sequence", stop_sequence="END")).stop_sequence == "END"


def test_a_refusal_explained_outside_the_content() -> None:
    details = {"stop_details": {"type": "refusal", "explanation": "blocked"}}
    assert response(start(), *end("refusal", delta=details)).content == (ModelRefusal("blocked"),)
    assert response(start(), *text(0, "no"), *end("refusal", delta=details)).content == (Text("no"),)


def test_unknown_events_and_deltas_are_ignored() -> None:
    oddities: list[dict[str, Any]] = [
        {"type": "weather", "sunny": True},
        {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "lost"}},
        {"type": "content_block_stop", "index": 7},
    ]
    odd_delta = block(
        0, {"type": "text", "text": ""}, {"type": "odd_delta", "text": "x"}, {"type": "text_delta", "text": "y"}
    )
    assert response(start(), *oddities, *odd_delta, *end()).content == (Text("y"),)


def test_promises_hold_where_the_upstream_breaks_them() -> None:
    """An index twice, a block never stopped, a nameless call, two ends."""
    events = decode(
        stream(
            start(),
            text(0, "a")[0],
            text(0, "a")[1],
            *text(0, "b")[:2],
            *block(4, {"type": "tool_use", "id": "t", "name": ""}),
            *end(),
            *end(),
            *text(9, "late"),
        )
    )
    assert isinstance(events[0], MessageStart)
    assert sum(isinstance(event, Finish) for event in events) == 1
    assert collect(events).content == (Text("a"), Text("b"))
    assert sum(isinstance(event, BlockEnd) for event in events) == 2


def test_an_error_event() -> None:
    error = failure(
        stream(
            start(), *text(0, "x"), {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        )
    )
    assert (error.error.kind, error.error.message, error.error.scope) == (
        ErrorKind.OVERLOADED,
        "Overloaded",
        Scope.PROVIDER,
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ended before message_stop"),
        (stream(start()), "ended before message_stop"),
        (stream({"type": "message_stop"}), "no message_start"),
        (stream({"type": "ping"}, *text(0, "x"), *end()), "no message_start"),
        (stream(*end()), "no message_start"),
        (stream(start(), *text(0, "x"), end()[0]), "ended before message_stop"),
        (b"data: {oops\n\n", "ended before message_stop"),
        (stream(start()) + b'data: {"type":"content_block_delta","index":"x"}\n\n', "ended before message_stop"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "ended before message_stop"),
        (b'data: {"error":{"message":"plain"}}\n\n', "plain"),
        (b'event: error\ndata: {"type":"error"}\n\n', "failed"),
        (b"<html>502</html>", "ended before message_stop"),
    ],
)
def test_failures_of_the_upstream(data: bytes, words: str) -> None:
    assert words in failure(data).error.message


def test_an_oversized_event_is_a_failure() -> None:
    decoder = WIRE.stream_decoder({})
    events: list[Event] = []
    for _ in range(20):
        events += decoder.feed(b"data: " + b"x" * 1024 * 1024)
    assert isinstance(events[-1], StreamError)
    assert "larger than" in events[-1].error.message
    assert decoder.close() == []


def test_a_last_event_without_its_blank_line_counts() -> None:
    data = stream(start(), *text(0, "x"), *end()).removesuffix(b"\n\n")
    assert collect(decode(data)).content == (Text("x"),)


def test_done_marks_of_compatible_servers_are_ignored() -> None:
    data = stream(start(), *text(0, "x")) + b"data: [DONE]\n\n" + stream(*end())
    assert collect(decode(data)).content == (Text("x"),)
