"""Whatever the hub says becomes a stream of the full event grammar, and means the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from daemon.errors import ErrorKind, LocalError, RemoteError
from daemon.inference.blocks import (
    Citation,
    HostedCall,
    ModelRefusal,
    Opaque,
    Reasoning,
    SearchHit,
    Text,
    ToolCall,
)
from daemon.inference.collect import collect, replay
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockKind,
    BlockStart,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.openai_responses import WIRE
from tests.wires.grammar_responses import check, frames
from tests.wires.openai_responses.world import context, decode, raw

START = MessageStart("resp_up", "upstream-model")
STOP = Finish(FinishReason.STOP, Usage(input_tokens=3, output_tokens=2))
BROKEN = RemoteError(ErrorKind.OVERLOADED, "the upstream's words")


def stream(*events: Event) -> bytes:
    return WIRE.stream_encoder(context()).encode([START, *events])


def final(*events: Event) -> dict[str, Any]:
    return check(stream(*events))


def block(kind: BlockKind, *texts: str, **start: Any) -> list[Event]:
    return [BlockStart(0, kind, **start), *[BlockDelta(0, text) for text in texts], BlockEnd(0)]


# --- what each block becomes ---


def test_text() -> None:
    (item,) = final(*block("text", "he", "y"), STOP)["output"]
    assert item["content"] == [{"type": "output_text", "text": "hey", "annotations": [], "logprobs": []}]


def test_a_refusal_keeps_its_words_and_is_no_plain_success() -> None:
    response = final(*block("refusal", "no"), Finish(FinishReason.REFUSAL))
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_thinking_has_a_summary_part_per_part() -> None:
    events: list[Event] = [
        BlockStart(0, "reasoning"),
        BlockDelta(0, "a"),
        PartBreak(0),
        BlockDelta(0, "b"),
        BlockEnd(0, "sealed"),
    ]
    (item,) = final(*events, STOP)["output"]
    assert [part["text"] for part in item["summary"]] == ["a", "b"]
    assert item["encrypted_content"] == "sealed"


def test_sealed_thinking_alone_has_no_summary() -> None:
    (item,) = final(BlockStart(0, "reasoning"), BlockEnd(0, "sealed", redacted=True), STOP)["output"]
    assert (item["summary"], item["encrypted_content"]) == ([], "sealed")


@pytest.mark.parametrize(
    ("status", "arguments", "texts"),
    [("completed", '{"a":1}', ['{"a":', "1}"]), ("completed", "{}", []), ("incomplete", '{"a', ['{"a'])],
)
def test_a_call(status: str, arguments: str, texts: list[str]) -> None:
    """Arguments cut by a token limit must not look whole: Codex would run them."""
    (item,) = final(*block("tool_call", *texts, id="c1", name="read", namespace="fs", item_id="fc_9"), STOP)["output"]
    expected = {"id": "fc_9", "call_id": "c1", "name": "read", "namespace": "fs"}
    assert item == {"type": "function_call", "status": status, "arguments": arguments, **expected}


def test_a_custom_call() -> None:
    (item,) = final(*block("custom_tool_call", "*** Begin", id="c1", name="patch", item_id="odd_1"), STOP)["output"]
    assert item["id"].startswith("ctc_")
    assert (item["type"], item["input"], item["status"]) == ("custom_tool_call", "*** Begin", "completed")


def test_interleaved_calls_keep_their_places() -> None:
    starts: list[Event] = [BlockStart(0, "tool_call", "c0", "a"), BlockStart(1, "tool_call", "c1", "b")]
    deltas: list[Event] = [BlockDelta(1, "[1"), BlockDelta(0, "[0]"), BlockDelta(1, "]")]
    output = final(*starts, *deltas, BlockEnd(1), BlockEnd(0), STOP)["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("c0", "[0]"), ("c1", "[1]")]


def test_own_hosted_and_opaque_items_are_given_back_as_they_were() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}
    hosted = HostedCall(id="ws_1", name="web_search", wire="responses", raw=raw(search))
    events: list[Event] = [
        BlockStart(0, "hosted", "ws_1", "web_search"),
        BlockEnd(0, hosted=hosted),
        BlockStart(1, "opaque"),
        BlockEnd(1, opaque=Opaque("responses", raw(compaction))),
    ]
    assert final(*events, STOP)["output"] == [search, compaction]


def test_another_vendors_search_becomes_this_wires() -> None:
    hosted = HostedCall(
        id="srvtoolu_1",
        name="web_search",
        input=raw({"query": "q"}),
        hits=(SearchHit("https://x.example", "X"),),
        wire="messages",
    )
    (item,) = final(BlockStart(0, "hosted", "srvtoolu_1", "web_search"), BlockEnd(0, hosted=hosted), STOP)["output"]
    sources = [{"type": "url", "url": "https://x.example"}]
    assert item["type"] == "web_search_call"
    assert item["action"] == {"type": "search", "query": "q", "sources": sources}


def test_what_only_another_wire_knows_leaves_no_gap() -> None:
    opaque: list[Event] = [BlockStart(0, "opaque"), BlockEnd(0, opaque=Opaque("messages", raw({"type": "x"})))]
    text: list[Event] = [BlockStart(1, "text"), BlockDelta(1, "a"), BlockEnd(1)]
    assert [item["type"] for item in final(*opaque, *text, STOP)["output"]] == ["message"]


def test_citations() -> None:
    own = {"type": "file_citation", "file_id": "f", "index": 1}
    citations = (
        Citation(url="https://x.example", title="X", start=1, end=2),
        Citation(wire="responses", raw=raw(own)),
        Citation(title="no address"),
    )
    answer = Response(id="", model="", content=(Text("hey", citations),), finish=FinishReason.STOP)
    streamed = check(WIRE.stream_encoder(context()).encode(list(replay(answer))))
    whole = frames_free(WIRE.encode_response(answer, context()))
    url = {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 1, "end_index": 2}
    for response in (streamed, whole):
        assert response["output"][0]["content"][0]["annotations"] == [url, own]


def frames_free(body: bytes) -> dict[str, Any]:
    """A whole answer's object, which must be what the last event of the same stream holds."""
    import json

    return dict(json.loads(body))


# --- the object around it ---


@pytest.mark.parametrize(
    ("expected", "usage"),
    [
        ((11, 0, 0, 0, None), None),
        ((3, 2, 0, 0, None), Usage(input_tokens=3, output_tokens=2)),
        (
            (9, 2, 4, 1, 5),
            Usage(input_tokens=9, output_tokens=2, cached_tokens=4, reasoning_tokens=1, cache_write_tokens=5),
        ),
    ],
)
def test_usage_is_always_whole(expected: tuple[int | None, ...], usage: Usage | None) -> None:
    """What the upstream did not say is the estimate of the input, and nothing for the output."""
    counts = final(Finish(FinishReason.STOP, usage))["usage"]
    given, made = counts["input_tokens_details"], counts["output_tokens_details"]
    numbers = (counts["input_tokens"], counts["output_tokens"], given["cached_tokens"], made["reasoning_tokens"])
    assert (*numbers, given.get("cache_write_tokens")) == expected


@pytest.mark.parametrize(
    ("status", "reason", "finish"),
    [
        ("completed", None, FinishReason.STOP),
        ("completed", None, FinishReason.TOOL_CALLS),
        ("completed", None, FinishReason.STOP_SEQUENCE),
        ("completed", None, FinishReason.PAUSE),
        ("incomplete", "max_output_tokens", FinishReason.LENGTH),
        ("incomplete", "max_output_tokens", FinishReason.CONTEXT_WINDOW),
        ("incomplete", "content_filter", FinishReason.CONTENT_FILTER),
        ("incomplete", "content_filter", FinishReason.REFUSAL),
    ],
)
def test_how_it_ended(status: str, reason: str | None, finish: FinishReason) -> None:
    response = final(*block("text", "a"), Finish(finish))
    assert response["status"] == status
    assert response["incomplete_details"] == ({"reason": reason} if reason else None)
    assert (response["completed_at"] is None) == (status == "incomplete")


# --- failures, keep-alives ---


def test_a_failure_is_the_last_event_and_open_items_are_not_done() -> None:
    """Codex keeps and runs what is done: a cut call or half a message must not be."""
    whole: list[Event] = [BlockStart(0, "text"), BlockDelta(0, "a"), BlockEnd(0)]
    half: list[Event] = [BlockStart(1, "tool_call", "c1", "read"), BlockDelta(1, '{"a"')]
    response = final(*whole, *half, StreamError(BROKEN), STOP)
    assert response["status"] == "failed"
    assert response["error"] == {"code": "server_error", "message": "the upstream's words"}
    assert [item["type"] for item in response["output"]] == ["message"]


def test_fail_says_the_same_as_a_stream_error() -> None:
    encoder = WIRE.stream_encoder(context())
    assert encoder.encode([START]) + encoder.fail(BROKEN) == stream(StreamError(BROKEN))


def test_a_failure_before_anything_else_is_a_whole_stream() -> None:
    assert check(WIRE.stream_encoder(context()).fail(LocalError(ErrorKind.TIMEOUT, "m")))["status"] == "failed"


def test_nothing_follows_the_end() -> None:
    for end in (STOP, StreamError(BROKEN)):
        encoder = WIRE.stream_encoder(context())
        encoder.encode([START, end])
        assert encoder.encode([STOP]) == encoder.fail(BROKEN) == encoder.keep_alive() == b""


def test_a_keep_alive_is_the_opening_then_progress() -> None:
    encoder = WIRE.stream_encoder(context())
    said = encoder.keep_alive() + encoder.keep_alive() + encoder.encode([START, *block("text", "a")])
    said += encoder.keep_alive() + encoder.encode([STOP])
    check(said)
    types = [event["type"] for event in frames(said)]
    assert types[:3] == ["response.created", "response.in_progress", "response.in_progress"]
    assert types[-2:] == ["response.in_progress", "response.completed"]


# --- any stream ---

words = st.text(max_size=8)
non_empty = st.text(min_size=1, max_size=8)
argument_texts = st.sampled_from(['{"a":"\\u00e9 \\n"}', "[1, 2]", '{"b":null}'])
sealed = st.none() | st.text("abc=", min_size=1, max_size=8)
blocks = st.one_of(
    st.builds(Text, non_empty),
    st.builds(ModelRefusal, non_empty),
    st.builds(
        lambda parts, seal: Reasoning(parts=tuple(parts), signature=seal), st.lists(non_empty, max_size=3), sealed
    ),
    st.builds(lambda name, text: ToolCall(id=f"c_{name}", name=name, arguments=text), non_empty, argument_texts),
    st.builds(lambda name, text: ToolCall(id="c", name=name, arguments=text, kind="custom"), non_empty, non_empty),
)
answers = st.builds(
    lambda content, finish: Response(
        id="resp_" + "0" * 32,
        model="gpt-5",
        content=tuple(content),
        finish=finish,
        usage=Usage(input_tokens=7, output_tokens=5, cached_tokens=0, reasoning_tokens=0),
    ),
    st.lists(blocks, max_size=5, unique_by=lambda block: block.id if isinstance(block, ToolCall) else id(block)),
    st.sampled_from([FinishReason.STOP, FinishReason.LENGTH, FinishReason.CONTENT_FILTER]),
)


def as_shown(answer: Response) -> Response:
    """``answer`` as this wire can say it: a completed one ends for its calls or refusal, ids are the wire's own, and so
    is the tier that nobody named."""
    finish = answer.finish
    if finish is FinishReason.STOP:
        if any(isinstance(each, ToolCall) for each in answer.content):
            finish = FinishReason.TOOL_CALLS
        elif any(isinstance(each, ModelRefusal) for each in answer.content):
            finish = FinishReason.REFUSAL
    content = tuple(without_item_id(each) for each in answer.content)
    return structs.replace(answer, content=content, finish=finish, service_tier="default")


def without_item_id(each: Any) -> Any:
    if isinstance(each, ToolCall):
        return structs.replace(each, item_id=None)
    return structs.replace(each, id=None) if isinstance(each, Reasoning) else each


@given(answers, st.randoms(use_true_random=False))
def test_an_answer_goes_through_this_wire_unchanged(answer: Response, dice: Any) -> None:
    """Unfolded, cut into smaller deltas, mixed, encoded and decoded: the same answer, streamed and whole."""
    said = WIRE.stream_encoder(context()).encode(interleaved(list(replay(answer)), dice))
    check(said)
    assert as_shown(collect(decode(said))) == as_shown(answer)
    whole = WIRE.decode_response(WIRE.encode_response(answer, context()), {})
    assert as_shown(whole) == as_shown(answer)


def interleaved(events: list[Event], dice: Any) -> list[Event]:
    """Deltas split, and calls that follow each other mixed, as upstreams mix parallel calls."""
    mixed: list[Event] = []
    running: list[list[Event]] = []
    among_calls = False
    for event in events[1:-1]:
        if isinstance(event, BlockStart):
            is_call = event.kind.endswith("tool_call")
            if not (is_call and among_calls):
                mixed += drained(running, dice)
            among_calls = is_call
            mixed.append(event)
            running.append([])
        else:
            running[-1].extend(split(event, dice))
            if dice.random() < 0.5:
                mixed.append(running[0].pop(0) if running[0] else running[-1].pop(0))
    return [events[0], *mixed, *drained(running, dice), events[-1]]


def drained(running: list[list[Event]], dice: Any) -> list[Event]:
    events: list[Event] = []
    while any(running):
        events.append(dice.choice([run for run in running if run]).pop(0))
    running.clear()
    return events


def split(event: Event, dice: Any) -> list[Event]:
    if not isinstance(event, BlockDelta) or len(event.text) < 2:
        return [event]
    cut = dice.randint(1, len(event.text) - 1)
    return [BlockDelta(event.index, event.text[:cut]), BlockDelta(event.index, event.text[cut:])]


@given(answers, st.integers(0, 40))
def test_a_stream_may_fail_anywhere(answer: Response, count: int) -> None:
    encoder = WIRE.stream_encoder(context())
    said = encoder.encode(list(replay(answer))[:-1][:count]) + encoder.keep_alive() + encoder.fail(BROKEN)
    assert check(said)["error"]["message"] == BROKEN.message


@given(answers)
def test_events_in_one_write_or_in_many_are_the_same_bytes(answer: Response) -> None:
    events = list(replay(answer))
    encoder = WIRE.stream_encoder(context())
    assert b"".join(encoder.encode([event]) for event in events) == WIRE.stream_encoder(context()).encode(events)
