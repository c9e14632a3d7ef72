"""Hub events to chunks. Every stream here passes the grammar on its way to the assertion."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.blocks import Citation, HostedCall, Opaque
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.inference.request import OutputFormat
from daemon.inference.response import FinishReason, Usage
from daemon.wires.openai_chat import WIRE
from tests.wires.grammar_chat import Call, read
from tests.wires.openai_chat.world import context, raw, shown, tool

START = MessageStart("resp_1", "gpt-5-2025")
STOP = Finish(FinishReason.STOP)
CALLED = Finish(FinishReason.TOOL_CALLS)


def text(index: int, *pieces: str) -> list[Event]:
    return [BlockStart(index, "text"), *(BlockDelta(index, piece) for piece in pieces), BlockEnd(index)]


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    encoder = WIRE.stream_encoder(context())
    assert encoder.encode([START, BlockStart(0, "text"), BlockStart(1, "reasoning"), BlockEnd(1)]) == b""
    first = read(encoder.encode([BlockDelta(0, "a")]), ended=False)
    assert (first.chunks, first.text, first.model, first.id) == (2, "a", "gpt-5", "chatcmpl-" + "ab" * 16)


def test_every_kind_has_its_field() -> None:
    answer = shown(
        [
            START,
            BlockStart(0, "reasoning"),
            BlockDelta(0, "hm"),
            BlockDelta(0, "so"),
            BlockEnd(0, "signature"),
            *text(1, "a", "b"),
            BlockStart(2, "refusal"),
            BlockDelta(2, "no"),
            BlockEnd(2),
            Finish(FinishReason.STOP, Usage(input_tokens=5, output_tokens=3, cached_tokens=4, reasoning_tokens=2)),
        ]
    )
    assert (answer.reasoning, answer.text, answer.refusal, answer.finish) == ("hmso", "ab", "no", "stop")
    assert answer.usage == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
    }


def test_parts_of_thinking_are_paragraphs() -> None:
    """As whole answers have them: no paragraph that says nothing, and a block begins one."""
    block: list[Event] = [
        BlockDelta(0, "a"),
        PartBreak(0),
        PartBreak(0),
        BlockDelta(0, "b"),
        BlockDelta(0, "c"),
        PartBreak(0),
    ]
    second: list[Event] = [BlockStart(1, "reasoning"), PartBreak(1), BlockDelta(1, "d"), BlockEnd(1)]
    assert shown([START, BlockStart(0, "reasoning"), *block, BlockEnd(0), *second, STOP]).reasoning == "a\n\nbc\n\nd"


def test_interleaved_calls_keep_their_numbers() -> None:
    answer = shown(
        [
            START,
            BlockStart(0, "tool_call", "call_a", "read"),
            BlockStart(1, "text"),
            BlockStart(2, "tool_call", "call_b", "write"),
            BlockDelta(2, '{"y"'),
            BlockDelta(1, "meanwhile"),
            BlockDelta(0, '{"x"'),
            BlockDelta(2, ":2}"),
            BlockDelta(0, ":1}"),
            BlockEnd(2),
            BlockEnd(1),
            BlockEnd(0),
            CALLED,
        ]
    )
    assert answer.calls == [
        Call("call_a", "function", "read", '{"x":1}'),
        Call("call_b", "function", "write", '{"y":2}'),
    ]
    assert (answer.text, answer.finish) == ("meanwhile", "tool_calls")


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert shown([START, BlockStart(0, "tool_call", "a", "ls"), BlockEnd(0), CALLED]).calls[0].text == "{}"


def test_call_ids_are_made_where_they_are_missing_or_repeated() -> None:
    calls: list[Event] = [BlockStart(index, "tool_call", id_, "f") for index, id_ in enumerate(("a", None, "a"))]
    ids = [call.id for call in shown([START, *calls, *map(BlockEnd, range(3)), CALLED]).calls]
    assert ids == ["a", f"call_{'ab' * 12}_1", f"call_{'ab' * 12}_2"]


CUSTOM: list[Event] = [
    BlockStart(0, "custom_tool_call", "a", "patch"),
    BlockDelta(0, 'say "'),
    BlockDelta(0, 'é\n"'),
    BlockEnd(0),
]


def test_a_custom_call_is_one_for_a_client_that_has_such_tools() -> None:
    call = shown([START, *CUSTOM, CALLED], tools=(tool("patch", kind="custom"),)).calls[0]
    assert call == Call("a", "custom", "patch", 'say "é\n"')


def test_a_custom_call_is_a_function_for_other_clients() -> None:
    call = shown([START, *CUSTOM, CALLED], tools=(tool("patch"),)).calls[0]
    assert (call.type, json.loads(call.text)) == ("function", {"input": 'say "é\n"'})
    empty = shown([START, BlockStart(0, "custom_tool_call", "a", "patch"), BlockEnd(0), CALLED]).calls[0]
    assert json.loads(empty.text) == {"input": ""}


# --- sources and pictures ---


def cited(**fields: object) -> dict[str, object]:
    source = {"url": "https://a.example", "title": "", "start_index": 0, "end_index": 0, **fields}
    return {"type": "url_citation", "url_citation": source}


def test_sources_are_placed_in_the_whole_content() -> None:
    source = Citation(url="https://a.example", title="A", start=1, end=2)
    open_end = Citation(url="https://a.example")
    events = [START, *text(0, "four"), *text(1, "five", "5")[:-1], Cited(1, source), Cited(1, open_end), BlockEnd(1)]
    assert shown([*events, STOP]).annotations == [
        cited(title="A", start_index=5, end_index=6),
        cited(start_index=4, end_index=9),
    ]


def test_a_source_may_come_before_its_text() -> None:
    """Also one that has no form here: the role still comes first."""
    for citation, count in ((Citation(url="https://a.example"), 1), (Citation(title="page 3"), 0)):
        answer = shown([START, BlockStart(0, "text"), Cited(0, citation), BlockDelta(0, "a"), BlockEnd(0), STOP])
        assert (answer.text, len(answer.annotations)) == ("a", count)


def test_what_is_said_of_a_block_that_is_over_is_left_out() -> None:
    assert shown([START, *text(0, "a"), BlockDelta(0, "late"), PartBreak(0), STOP]).text == "a"
    assert shown([START, *text(0, "a"), Cited(0, Citation(url="https://a.example")), STOP]).annotations == []


def test_this_wires_own_sources_go_as_they_came() -> None:
    own = Citation(url="https://a.example", wire="chat", raw=Raw(b'{\n "type": "url_citation", "extra": 1}'))
    answer = shown([START, BlockStart(0, "text"), BlockDelta(0, "a"), Cited(0, own), BlockEnd(0), STOP])
    assert answer.annotations == [{"type": "url_citation", "extra": 1}]


def hosted(**item: object) -> Event:
    call = HostedCall(id="ig_1", name="image_generation", wire="responses", raw=raw(item))
    return BlockEnd(0, hosted=call)


@pytest.mark.parametrize(
    ("end", "images"),
    [
        (hosted(type="image_generation_call", result="QUJD", output_format="webp"), ["data:image/webp;base64,QUJD"]),
        (hosted(type="image_generation_call", result="QUJD"), ["data:image/png;base64,QUJD"]),
        (hosted(type="image_generation_call"), []),
        (hosted(result=1), []),
        (BlockEnd(0, hosted=HostedCall(id="ws_1", name="web_search", raw=raw({"result": "QUJD"}))), []),
        (BlockEnd(0, hosted=HostedCall(id="ig_1", name="image_generation")), []),
        (BlockEnd(0, opaque=Opaque("responses", raw({}))), []),
        (BlockEnd(0), []),
    ],
)
def test_pictures_that_a_hosted_tool_made_are_shown(end: Event, images: list[str]) -> None:
    answer = shown([START, BlockStart(0, "hosted"), end, STOP])
    assert [image["image_url"]["url"] for image in answer.images] == images


def test_this_wires_own_pictures_go_as_they_came() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}}
    opaque = Opaque("chat", Raw(json.dumps(image, indent=1).encode()))
    assert shown([START, BlockStart(0, "opaque"), BlockEnd(0, opaque=opaque), STOP]).images == [image]


# --- the end ---

JSON_SCHEMA = OutputFormat(kind="json_schema")
REFUSED: list[Event] = [BlockStart(0, "refusal"), BlockDelta(0, "no"), BlockEnd(0)]
A_CALL: list[Event] = [BlockStart(0, "tool_call", "a", "f"), BlockEnd(0)]

ENDS = [
    (text(0, "a"), FinishReason.STOP, None, "stop"),
    (text(0, "a"), FinishReason.STOP_SEQUENCE, None, "stop"),
    (text(0, "a"), FinishReason.PAUSE, None, "stop"),
    (text(0, "a"), FinishReason.TOOL_CALLS, None, "stop"),
    (text(0, "a"), FinishReason.LENGTH, None, "length"),
    (text(0, "a"), FinishReason.CONTEXT_WINDOW, None, "length"),
    (text(0, "a"), FinishReason.CONTENT_FILTER, None, "content_filter"),
    (A_CALL, FinishReason.TOOL_CALLS, None, "tool_calls"),
    (A_CALL, FinishReason.STOP, None, "tool_calls"),
    (A_CALL, FinishReason.REFUSAL, None, "tool_calls"),
    (A_CALL, FinishReason.LENGTH, None, "length"),
    ([], FinishReason.REFUSAL, None, "content_filter"),
    (REFUSED, FinishReason.REFUSAL, None, "content_filter"),
    # where structured output was asked for, OpenAI's SDK reads ``refusal`` after ``stop`` alone
    (REFUSED, FinishReason.REFUSAL, JSON_SCHEMA, "stop"),
    ([], FinishReason.REFUSAL, JSON_SCHEMA, "content_filter"),
]


@pytest.mark.parametrize(("events", "reason", "output", "word"), ENDS)
def test_finish_reasons(events: list[Event], reason: FinishReason, output: OutputFormat | None, word: str) -> None:
    assert shown([START, *events, Finish(reason)], output=output).finish == word


def test_an_answer_without_anything_is_one_all_the_same() -> None:
    answer = shown([START, STOP])
    assert (answer.chunks, answer.text, answer.finish) == (3, "", "stop")
    assert answer.usage is not None and answer.usage["prompt_tokens"] == 42  # the estimate


def test_usage_comes_only_to_who_asked() -> None:
    answer = shown([START, *text(0, "a"), Finish(FinishReason.STOP, Usage(input_tokens=1))], include_usage=False)
    assert answer.usage is None


def test_cache_writes_are_sent_under_both_names() -> None:
    usage = Usage(input_tokens=100, output_tokens=1, cached_tokens=30, cache_write_tokens=0)
    answer = shown([START, Finish(FinishReason.STOP, usage)])
    assert answer.usage is not None
    assert answer.usage["prompt_tokens_details"] == {
        "cached_tokens": 30,
        "audio_tokens": 0,
        "cache_write_tokens": 0,
        "cached_creation_tokens": 0,
    }


FAILURE = RemoteError(ErrorKind.RATE_LIMIT, "slow down", code="rate_limit_exceeded")


@pytest.mark.parametrize("events", [[], [START], [START, *text(0, "a")], [START, BlockStart(0, "tool_call", "a", "f")]])
def test_a_failure_is_the_last_event_and_no_clean_end(events: list[Event]) -> None:
    for streamed in (True, False):
        encoder = WIRE.stream_encoder(context())
        stream = encoder.encode([*events, StreamError(FAILURE)] if streamed else events)
        answer = read(stream if streamed else stream + encoder.fail(FAILURE))
        assert answer.error is not None and answer.error["message"] == "slow down"
        assert answer.error["code"] == "rate_limit_exceeded" and not answer.done
        assert encoder.encode(text(9, "late")) == encoder.keep_alive() == encoder.fail(FAILURE) == b""


def test_nothing_follows_the_end() -> None:
    encoder = WIRE.stream_encoder(context())
    encoder.encode([START, BlockStart(0, "text"), BlockDelta(0, "a"), STOP])
    late: GatewayError = FAILURE
    assert encoder.encode([BlockDelta(0, "late")]) == encoder.keep_alive() == encoder.fail(late) == b""


def test_a_keep_alive_is_a_chunk_that_says_nothing() -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.keep_alive() + encoder.keep_alive()
    stream += encoder.encode([START, BlockStart(0, "text"), BlockDelta(0, "a")]) + encoder.keep_alive()
    answer = read(stream + encoder.encode([BlockDelta(0, "b"), BlockEnd(0), STOP]))
    assert (answer.text, answer.chunks) == ("ab", 7)
