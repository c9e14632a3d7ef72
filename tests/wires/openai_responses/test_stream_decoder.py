"""Streams of upstreams, also of those that forget, repeat, reorder or rename things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import ErrorKind, Scope
from daemon.inference.blocks import Citation, HostedCall, ModelRefusal, Opaque, Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Event, Finish, MessageStart, StreamError
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.openai_responses import WIRE
from tests.wires.openai_responses.world import decode, sse

Json = dict[str, Any]
CREATED: Json = {
    "type": "response.created",
    "response": {"id": "resp_1", "model": "gpt-5-2025", "status": "in_progress"},
}
COMPLETED: Json = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}
SUMMARY, TEXT, CALL = "response.reasoning_summary_", "response.output_text.", "response.function_call_arguments."


def added(index: int | None, item: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int | None, item: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def event(type_: str, index: int | None = 0, **fields: Any) -> Json:
    return {"type": type_, "output_index": index, **fields}


def message(*parts: Json, **fields: Any) -> Json:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(parts), **fields}


def text(value: str, **fields: Any) -> Json:
    return {"type": "output_text", "text": value, **fields}


def call(name: str | None = "read", call_id: str = "c1", **fields: Any) -> Json:
    return {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": name, **fields}


def completed(*output: Json, **fields: Any) -> Json:
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output), **fields}}


def answer(*events: Json) -> Response:
    """What the events between ``created`` and a bare ``completed`` mean; the hub's invariants are checked."""
    ended = events and events[-1]["type"] in ("response.completed", "response.incomplete")
    stream = sse(CREATED, *events, *(() if ended else (COMPLETED,)))
    decoded = decode(stream)
    check_invariants(decoded)
    return collect(decoded)


def check_invariants(events: list[Event]) -> None:
    """Those of ``inference.events``."""
    assert isinstance(events[0], MessageStart)
    open_blocks: set[int] = set()
    started = 0
    for each in events[1:-1]:
        match each:
            case BlockStart():
                assert each.index == started
                assert each.name or not each.kind.endswith("tool_call")
                started += 1
                open_blocks.add(each.index)
            case BlockEnd():
                open_blocks.remove(each.index)
            case MessageStart() | Finish() | StreamError():
                raise AssertionError(f"{each} in the middle")
            case _:
                assert each.index in open_blocks
                assert not isinstance(each, BlockDelta) or each.text
    assert isinstance(events[-1], Finish | StreamError)
    assert not open_blocks or isinstance(events[-1], StreamError)


def failure(*events: Json) -> StreamError:
    decoded = decode(sse(CREATED, *events))
    check_invariants(decoded)
    last = decoded[-1]
    assert isinstance(last, StreamError)
    return last


# --- text ---


def test_the_answer_begins_with_its_id_and_model() -> None:
    assert decode(sse(CREATED, COMPLETED))[0] == MessageStart("resp_1", "gpt-5-2025")


def test_without_created_the_start_still_comes_first() -> None:
    assert decode(sse(event(TEXT + "delta", delta="a"), COMPLETED))[:3] == [
        MessageStart("", ""),
        BlockStart(0, "text"),
        BlockDelta(0, "a"),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [added(0, message()), event(TEXT + "delta", delta="he"), event(TEXT + "delta", delta="y")],
        [added(0, message()), event(TEXT + "delta", delta=""), event(TEXT + "done", text="hey")],
        [added(0, message()), event("response.content_part.done", part=text("hey"))],
        [added(0, message()), done(0, message(text("hey")))],
        [done(0, message(text("hey")))],
        [event(TEXT + "delta", delta="hey"), event(TEXT + "done", text="hey"), done(0, message(text("hey")))],
        [completed(message(text("hey")))],
        [event(TEXT + "delta", None, delta="hey")],
        [event(TEXT + "delta", 0, delta="hey"), completed(message(text("hey")))],
        [done(0, message(text("hey"))), event("response.content_part.done", part=text("hey"))],
        [done(0, message(text("hey"))), done(0, message(text("hey")))],
        [event(TEXT + "delta", 3, delta="hey"), completed(message(text("hey")))],
    ],
)
def test_the_text_comes_once_from_wherever_it_is(events: list[Json]) -> None:
    assert answer(*events).content == (Text("hey"),)


def test_several_parts_are_several_blocks() -> None:
    events = [event(TEXT + "delta", content_index=index, delta=word) for index, word in ((0, "a"), (1, "b"), (0, "c"))]
    assert answer(*events).content == (Text("ac"), Text("b"))


def test_several_messages_commentary_among_them_are_several_blocks() -> None:
    first = message(text("I look"), phase="commentary")
    assert answer(done(0, first), done(1, message(text("found")))).content == (Text("I look"), Text("found"))


def test_relays_that_number_every_item_0_are_understood() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
    both = answer(
        added(0, {"type": "reasoning"}),
        event(SUMMARY + "text.delta", delta="hm"),
        done(0, reasoning),
        event(TEXT + "delta", delta="hey"),
        done(0, message(text("hey"))),
        completed(reasoning, message(text("hey"))),
    )
    assert both.content == (Reasoning(parts=("hm",)), Text("hey"))


def test_citations_come_as_events_or_with_the_part() -> None:
    note = {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 1, "end_index": 2}
    as_event = answer(
        event(TEXT + "delta", delta="hey"),
        event(TEXT + "annotation.added", annotation=note),
        event("response.content_part.done", part=text("hey", annotations=[note])),
    )
    with_part = answer(done(0, message(text("hey", annotations=[note]))))
    for (block,) in (as_event.content, with_part.content):
        assert isinstance(block, Text)
        (citation,) = block.citations
        assert isinstance(citation, Citation)
        assert (citation.url, citation.title, citation.start, citation.end) == ("https://x.example", "X", 1, 2)
        assert citation.raw is not None and json.loads(bytes(citation.raw)) == note


def test_a_citation_before_its_text_does_not_double_the_text() -> None:
    note = {"type": "url_citation", "url": "https://x.example"}
    early = event(TEXT + "annotation.added", annotation=note)
    (block,) = answer(early, event(TEXT + "delta", delta="hey"), done(0, message(text("hey")))).content
    assert isinstance(block, Text) and block.text == "hey"


# --- refusals ---


@pytest.mark.parametrize(
    "events",
    [
        [event("response.refusal.delta", delta="no")],
        [event("response.refusal.done", refusal="no")],
        [done(0, message({"type": "refusal", "refusal": "no"}))],
    ],
)
def test_refusals(events: list[Json]) -> None:
    refused = answer(*events)
    assert refused.content == (ModelRefusal("no"),)
    assert refused.finish is FinishReason.REFUSAL


# --- thinking ---


def reasoning(*parts: str, **fields: Any) -> Json:
    return {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": part} for part in parts],
        **fields,
    }


@pytest.mark.parametrize(
    ("signature", "at_start", "at_end"), [("end", "start", "end"), ("start", "start", None), (None, None, None)]
)
def test_the_last_encrypted_content_counts(signature: str | None, at_start: str | None, at_end: str | None) -> None:
    events = (added(0, reasoning(encrypted_content=at_start)), done(0, reasoning("a", encrypted_content=at_end)))
    assert answer(*events).content == (Reasoning(parts=("a",), signature=signature, id="rs_1"),)


@pytest.mark.parametrize(
    "events",
    [
        [
            event(SUMMARY + "text.delta", summary_index=0, delta="a"),
            event(SUMMARY + "text.delta", summary_index=1, delta="b"),
        ],
        [
            event(SUMMARY + "text.done", summary_index=0, text="a"),
            event(SUMMARY + "text.done", summary_index=1, text="b"),
        ],
        [event(SUMMARY + "part.done", summary_index=0, part={"text": "a"}), done(0, reasoning("a", "b"))],
        [done(0, reasoning("a", "b"))],
        [
            done(
                0, reasoning(content=[{"type": "reasoning_text", "text": "a"}, {"type": "reasoning_text", "text": "b"}])
            )
        ],
        [
            event("response.reasoning_text.delta", content_index=0, delta="a"),
            event("response.reasoning_text.delta", content_index=1, delta="b"),
            done(0, reasoning("other")),
        ],
    ],
)
def test_parts_of_a_summary(events: list[Json]) -> None:
    (block,) = answer(*events).content
    assert isinstance(block, Reasoning)
    assert block.parts == ("a", "b")


WORDS = [{"type": "reasoning_text", "text": "all of it"}]
WORD = event("response.reasoning_text.delta", content_index=0, delta="all of it")
SUMMED = event(SUMMARY + "text.delta", summary_index=0, delta="short")


@pytest.mark.parametrize(
    ("text", "signature", "events"),
    [
        ("all of it", "reasoning_text", [WORD, done(0, reasoning())]),
        ("all of it", "reasoning_text", [WORD]),
        ("all of it", "reasoning_text", [done(0, reasoning(content=WORDS))]),
        ("all of it", "E", [WORD, done(0, reasoning(content=WORDS, encrypted_content="E"))]),
        ("short", '{"reasoning_text":["all of it"]}', [SUMMED, WORD, done(0, reasoning("short", content=WORDS))]),
        ("short", None, [SUMMED, done(0, reasoning("short"))]),
    ],
)
def test_reasoning_that_is_not_encrypted_is_signed_as_what_it_is(
    text: str, signature: str | None, events: list[Json]
) -> None:
    (block,) = answer(added(0, reasoning()), *events).content
    assert isinstance(block, Reasoning)
    assert (block.text, block.signature) == (text, signature)


def test_two_reasoning_items_are_two_blocks() -> None:
    assert len(answer(done(0, reasoning("a")), done(1, reasoning("b"))).content) == 2


# --- calls ---


ARGUMENTS = '{"a":1}'


@pytest.mark.parametrize(
    "events",
    [
        [added(0, call()), event(CALL + "delta", delta='{"a":'), event(CALL + "delta", delta="1}"), done(0, call())],
        [added(0, call()), event(CALL + "done", arguments=ARGUMENTS)],
        [added(0, call()), event(CALL + "delta", delta=""), event(CALL + "done", arguments=ARGUMENTS)],
        [added(0, call()), done(0, call(arguments=ARGUMENTS))],
        [added(0, call(arguments=ARGUMENTS)), done(0, call())],
        [added(0, call()), completed(call(arguments=ARGUMENTS))],
        [done(0, call(arguments=ARGUMENTS))],
        [completed(call(arguments=ARGUMENTS))],
        [added(0, call(None)), event(CALL + "delta", delta=ARGUMENTS), done(0, call())],
        [added(0, call(None)), event(CALL + "done", name="read", arguments=ARGUMENTS)],
        [added(0, call(None)), added(0, call()), event(CALL + "delta", delta=ARGUMENTS)],
        [added(0, call(None)), event(CALL + "delta", delta=ARGUMENTS), completed(call())],
        [added(None, call()), event(CALL + "delta", None, item_id="fc_c1", delta=ARGUMENTS), done(None, call())],
        [added(0, call()), event(CALL + "delta", delta=ARGUMENTS), event(CALL + "done", arguments=ARGUMENTS)],
    ],
)
def test_the_arguments_come_once_from_wherever_they_are(events: list[Json]) -> None:
    called = answer(*events)
    (block,) = called.content
    assert isinstance(block, ToolCall)
    assert (block.id, block.name, block.arguments) == ("c1", "read", ARGUMENTS)
    assert called.finish is FinishReason.TOOL_CALLS


def test_a_call_that_is_never_named_does_not_exist() -> None:
    nameless = answer(
        added(0, call(None)), event(CALL + "delta", delta="{}"), done(0, call(None)), done(1, message(text("a")))
    )
    assert nameless.content == (Text("a"),)
    assert nameless.finish is FinishReason.STOP


def test_calls_may_be_interleaved_and_end_in_any_order() -> None:
    events = [
        added(0, call("a", "c0")),
        added(1, call("b", "c1")),
        event(CALL + "delta", 1, delta="[1"),
        event(CALL + "delta", 0, delta="[0"),
        event(CALL + "delta", 1, delta="]"),
        done(1, call("b", "c1")),
        event(CALL + "delta", 0, delta="]"),
        done(0, call("a", "c0")),
    ]
    calls = [block for block in answer(*events).content if isinstance(block, ToolCall)]
    assert [(each.name, each.arguments) for each in calls] == [("a", "[0]"), ("b", "[1]")]


def test_only_a_call_that_was_not_streamed_is_taken_from_the_end() -> None:
    both = answer(done(0, call(arguments="1")), completed(call(arguments="1"), call("write", "c2", arguments="2")))
    assert [block.id for block in both.content if isinstance(block, ToolCall)] == ["c1", "c2"]


def test_custom_calls_have_free_text() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "namespace": "fs"}
    streamed = answer(added(0, item), event("response.custom_tool_call_input.delta", delta="*** Begin"))
    whole = answer(done(0, {**item, "input": "*** Begin"}))
    by_events = answer(added(0, item), event("response.custom_tool_call_input.done", input="*** Begin"))
    expected = ToolCall(id="c1", name="patch", arguments="*** Begin", kind="custom", namespace="fs", item_id="ctc_1")
    assert streamed.content == whole.content == by_events.content == (expected,)


def test_shortened_names_are_restored() -> None:
    decoder = WIRE.stream_decoder({"short": "a_long_name"})
    events = decoder.feed(sse(CREATED, added(0, call("short"))))
    assert events[-1] == BlockStart(0, "tool_call", "c1", "a_long_name", None, "fc_c1")


# --- hosted and unknown items ---


def test_a_hosted_call_is_kept_whole() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
    searched = answer(added(0, {**item, "status": "in_progress", "action": None}), done(0, item))
    (block,) = searched.content
    assert isinstance(block, HostedCall)
    assert (block.id, block.name, block.wire) == ("ws_1", "web_search", "responses")
    assert block.input is not None and json.loads(bytes(block.input)) == item["action"]
    assert block.raw is not None and json.loads(bytes(block.raw)) == item
    assert searched.finish is FinishReason.STOP


def test_an_unknown_item_is_kept_for_this_wire() -> None:
    item = {"type": "tool_search_call", "id": "ts_1", "arguments": {"an": "object"}}
    (block,) = answer(added(0, item), done(0, item)).content
    assert isinstance(block, Opaque)
    assert (block.wire, json.loads(bytes(block.raw))) == ("responses", item)


def test_unknown_events_are_passed_over() -> None:
    assert answer({"type": "keepalive"}, {"no": "type"}, {"type": "response.audio.delta", "delta": 5}).content == ()


# --- the end ---


@pytest.mark.parametrize(
    ("expected", "details"),
    [
        (FinishReason.LENGTH, {"reason": "max_output_tokens"}),
        (FinishReason.CONTENT_FILTER, {"reason": "content_filter"}),
        (FinishReason.LENGTH, {"reason": "never heard of"}),
        (FinishReason.LENGTH, None),
    ],
)
def test_an_incomplete_answer_is_never_a_clean_end(expected: FinishReason, details: Json | None) -> None:
    end = {"type": "response.incomplete", "response": {"status": "incomplete", "incomplete_details": details}}
    assert answer(event(TEXT + "delta", delta="a"), end).finish is expected
    assert answer(added(0, call()), event(CALL + "delta", delta="{"), end).finish is expected


def test_usage_and_service_tier() -> None:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    whole = answer(completed(usage=usage, service_tier="priority"))
    assert whole.usage == Usage(
        input_tokens=10, output_tokens=5, cached_tokens=4, cache_write_tokens=3, reasoning_tokens=2
    )
    assert whole.service_tier == "priority"
    assert answer(completed(usage=None)).usage is None


def test_the_first_terminal_event_counts() -> None:
    stream = sse(CREATED, COMPLETED, COMPLETED, {"type": "error", "message": "late"})
    decoder = WIRE.stream_decoder({})
    assert [type(each) for each in decoder.feed(stream)] == [MessageStart, Finish]
    assert decoder.feed(stream) == [] == decoder.close()


def test_done_ends_as_completed_does() -> None:
    assert isinstance(decode(sse(CREATED, {"type": "response.done", "response": {"status": "completed"}}))[-1], Finish)


def test_the_status_counts_more_than_the_events_name() -> None:
    end = {
        "type": "response.completed",
        "response": {"status": "failed", "error": {"code": "server_error", "message": "m"}},
    }
    assert failure(end).error.message == "m"


@pytest.mark.parametrize(
    "stream", [b"", sse(CREATED), sse(CREATED, event(TEXT + "delta", delta="a")), b"data: [DONE]\n\n"]
)
def test_a_body_that_ends_early_is_an_error(stream: bytes) -> None:
    last = decode(stream)[-1]
    assert isinstance(last, StreamError)
    assert last.error.kind is ErrorKind.API
    assert "ended before response.completed" in last.error.message


def test_a_last_event_may_lack_its_blank_line() -> None:
    assert isinstance(decode(sse(CREATED, COMPLETED).rstrip())[-1], Finish)


def test_a_last_event_cut_in_two_is_a_cut() -> None:
    last = decode(sse(CREATED, COMPLETED)[:-9])[-1]
    assert isinstance(last, StreamError)
    assert "ended before response.completed" in last.error.message


# --- failures ---


@pytest.mark.parametrize(
    ("kind", "scope", "retry_after", "error"),
    [
        (ErrorKind.CONTEXT_LENGTH, Scope.REQUEST, None, {"code": "context_length_exceeded"}),
        (ErrorKind.RATE_LIMIT, Scope.CREDENTIAL, 1.5, {"code": "rate_limit_exceeded", "message": "Try again in 1.5s."}),
        (ErrorKind.QUOTA, Scope.CREDENTIAL, None, {"code": "insufficient_quota"}),
        (ErrorKind.QUOTA, Scope.CREDENTIAL, 60, {"type": "usage_limit_reached", "resets_in_seconds": 60}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, None, {"code": "server_is_overloaded"}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, None, {"code": "slow_down"}),
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, None, {"code": "invalid_prompt"}),
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, None, {"code": "invalid_image_url"}),
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, None, {"type": "invalid_request_error"}),
        (ErrorKind.API, Scope.PROVIDER, None, {"code": "server_error"}),
        (ErrorKind.API, Scope.PROVIDER, None, {"code": "never_heard_of"}),
        (ErrorKind.API, Scope.PROVIDER, None, {}),
    ],
)
@pytest.mark.parametrize("form", ["failed", "nested", "flat", "bare"])
def test_failures(kind: ErrorKind, scope: Scope, retry_after: float | None, error: Json, form: str) -> None:
    said = {"message": "the upstream's words", **error}
    if form == "flat" and said.get("type"):
        said["code"] = said.pop("type")
    problem = failure(
        {
            "failed": {"type": "response.failed", "response": {"status": "failed", "error": said}},
            "nested": {"type": "error", "error": said},
            "flat": {"type": "error", **said},
            "bare": {"type": None, "error": said},
        }[form]
    ).error
    assert (problem.kind, problem.scope, problem.retry_after) == (kind, scope, retry_after)
    assert problem.message == said["message"]


@pytest.mark.parametrize("status", ["failed", "cancelled", "queued"])
def test_an_end_without_a_reason_names_the_status(status: str) -> None:
    problem = failure({"type": "response.failed", "response": {"status": status, "error": None}}).error
    assert status in problem.message


def test_an_error_before_anything_else() -> None:
    events = decode(sse({"type": "error", "error": {"code": "server_error", "message": "m"}}))
    assert [type(each) for each in events] == [MessageStart, StreamError]


def test_an_error_event_may_name_its_status() -> None:
    assert failure({"type": "error", "error": {"status": 429, "message": "m"}}).error.kind is ErrorKind.RATE_LIMIT


@pytest.mark.parametrize(
    "payload",
    [
        b"nonsense",
        b'{"type":"response.output_text.delta","delta":5}',
        b'{"type":"response.output_item.done","output_index":0,"item":[]}',
        b'{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":5}}',
        b"[1]",
        b"\xff",
    ],
)
def test_misshapen_events_make_no_answer(payload: bytes) -> None:
    last = decode(sse(CREATED) + b"data: " + payload + b"\n\n")[-1]
    assert isinstance(last, StreamError)
    assert last.error.scope is Scope.PROVIDER


def test_an_endless_event_is_reported() -> None:
    decoder = WIRE.stream_decoder({})
    events = [each for _ in range(17) for each in decoder.feed(b"data: " + b"x" * 2**20)]
    assert isinstance(events[-1], StreamError)


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b"event: error\n", b"\r\n"]), max_size=20)
)
def test_any_bytes_end_in_one_terminal_event(pieces: list[bytes]) -> None:
    check_invariants(decode(b"", pieces))


EVENTS = st.sampled_from(
    [
        added(0, message()),
        added(0, call()),
        added(0, call(None)),
        added(1, call("b", "c2")),
        added(0, {"type": "reasoning"}),
        added(2, {"type": "web_search_call", "id": "ws_1"}),
        event(TEXT + "delta", delta="a"),
        event(TEXT + "delta", 1, content_index=1, delta="b"),
        event(TEXT + "done", text="ab"),
        event("response.refusal.delta", delta="no"),
        event("response.content_part.done", part=text("a")),
        event(TEXT + "annotation.added", annotation={"type": "url_citation", "url": "https://x.example"}),
        event(SUMMARY + "text.delta", summary_index=1, delta="hm"),
        event("response.reasoning_text.delta", delta="hm"),
        event(CALL + "delta", delta="{}"),
        event(CALL + "delta", None, item_id="fc_c1", delta="{}"),
        event(CALL + "done", 1, name="b", arguments="{}"),
        done(0, message(text("a"))),
        done(0, call(arguments="{}")),
        done(1, call(None, "c2")),
        done(None, reasoning("hm", encrypted_content="x")),
        completed(message(text("a")), call(arguments="{}")),
        {"type": "error", "message": "m"},
    ]
)


@given(st.lists(EVENTS, max_size=25))
def test_any_order_of_events_keeps_the_hubs_invariants(events: list[Json]) -> None:
    check_invariants(decode(sse(*events)))
