"""Whatever the hub says, the stream keeps the grammar and says the same."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import Citation, HostedCall, Opaque, SearchHit
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
from daemon.inference.response import FinishReason, Usage
from daemon.wires.anthropic_messages import WIRE
from tests.wires.anthropic_messages.world import context, encode
from tests.wires.grammar_messages import read

START = MessageStart("resp_1", "gpt-5-2025")
STOP = Finish(FinishReason.STOP, Usage(input_tokens=10, output_tokens=5))


def text(index: int, *deltas: str) -> list[Event]:
    return [BlockStart(index, "text"), *(BlockDelta(index, delta) for delta in deltas), BlockEnd(index)]


def call(index: int, *deltas: str, identifier: str = "", name: str = "Read") -> list[Event]:
    start = BlockStart(index, "tool_call", identifier or f"call_{index}", name)
    return [start, *(BlockDelta(index, delta) for delta in deltas), BlockEnd(index)]


def thinking(index: int, *deltas: str, signature: str | None = None) -> list[Event]:
    start = BlockStart(index, "reasoning")
    return [start, *(BlockDelta(index, delta) for delta in deltas), BlockEnd(index, signature=signature)]


def kinds(*events: Event) -> list[str]:
    return [block["type"] for block in encode([START, *events, STOP]).content]


def test_text() -> None:
    answer = encode([START, *text(0, "Hel", 'lo "x"\n', "🦊\x00"), STOP])
    assert answer.content == [{"type": "text", "text": 'Hello "x"\n🦊\x00'}]
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.message["model"] == "gpt-5"
    assert answer.message["id"] == "msg_" + "ab" * 16


def test_message_start_estimates_the_input() -> None:
    assert encode([START, STOP]).message["usage"]["input_tokens"] == 42


def test_message_start_says_what_an_anthropic_upstream_said() -> None:
    start = MessageStart("m", "m", Usage(input_tokens=100, output_tokens=1, cached_tokens=60, cache_write_tokens=30))
    usage = encode([start, STOP]).message["usage"]
    assert usage == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 60,
        "output_tokens": 1,
    }


def test_usage_is_split_for_the_cache() -> None:
    usage = Usage(input_tokens=100, output_tokens=7, cached_tokens=64, reasoning_tokens=3)
    answer = encode([START, Finish(FinishReason.STOP, usage)])
    assert answer.usage == {
        "input_tokens": 36,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 64,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }


def test_without_usage_the_estimate_stays() -> None:
    assert encode([START, Finish(FinishReason.STOP)]).usage["input_tokens"] == 42


def test_thinking_is_signed_once_before_its_end() -> None:
    answer = encode([START, *thinking(0, "hm", " hm", signature="gAAAA"), *text(1, "hi"), STOP])
    assert answer.content == [
        {"type": "thinking", "thinking": "hm hm", "signature": "gAAAA"},
        {"type": "text", "text": "hi"},
    ]


def test_thinking_without_signature_has_an_empty_one() -> None:
    expected = [{"type": "thinking", "thinking": "hm", "signature": ""}]
    assert encode([START, *thinking(0, "hm"), STOP]).content == expected


def test_summary_parts_are_joined_by_a_blank_line() -> None:
    events: list[Event] = [
        BlockStart(0, "reasoning"),
        BlockDelta(0, "a"),
        PartBreak(0),
        BlockDelta(0, "b"),
        BlockEnd(0),
    ]
    assert encode([START, *events, STOP]).texts("thinking") == ["a\n\nb"]


def test_two_reasoning_items_are_two_blocks() -> None:
    assert encode([START, *thinking(0, "a"), *thinking(1, "b"), STOP]).texts("thinking") == ["a", "b"]


def test_a_signature_alone_is_a_thinking_block() -> None:
    answer = encode([START, *thinking(0, signature="gAAAA"), *text(1, "hi"), STOP])
    assert answer.content == [
        {"type": "thinking", "thinking": "", "signature": "gAAAA"},
        {"type": "text", "text": "hi"},
    ]


def test_a_signature_alone_is_not_shown_to_who_switched_thinking_off() -> None:
    answer = encode([START, *thinking(0, signature="gAAAA"), *text(1, "hi"), STOP], thinking=False)
    assert answer.content == [{"type": "text", "text": "hi"}]


def test_redacted_thinking() -> None:
    events: list[Event] = [BlockStart(0, "reasoning"), BlockEnd(0, signature="Em", redacted=True)]
    assert encode([START, *events, STOP]).content == [{"type": "redacted_thinking", "data": "Em"}]


def test_blocks_that_say_nothing_leave_no_trace() -> None:
    assert kinds(*thinking(0), *text(1), *text(2, "hi"), BlockStart(3, "refusal"), BlockEnd(3)) == ["text"]


def test_tool_call_after_text() -> None:
    answer = encode([START, *text(0, "ok"), *call(1, '{"a"', ":1}"), *text(2, "done"), Finish(FinishReason.TOOL_CALLS)])
    assert answer.content == [
        {"type": "text", "text": "ok"},
        {"type": "tool_use", "id": "call_1", "name": "Read", "input": {"a": 1}},
        {"type": "text", "text": "done"},
    ]
    assert answer.stop_reason == "tool_use"


def test_a_call_without_arguments() -> None:
    assert encode([START, *call(0), STOP]).content[0]["input"] == {}


def test_interleaved_calls_become_whole_blocks_in_order() -> None:
    a, b = call(0, '{"a":', "1}"), call(1, '{"b":', "2}")
    events = [a[0], b[0], b[1], a[1], b[2], b[3], a[2], a[3]]
    answer = encode([START, *events, Finish(FinishReason.TOOL_CALLS)])
    assert [block["input"] for block in answer.content] == [{"a": 1}, {"b": 2}]


def test_what_comes_while_a_call_is_open_is_held_back() -> None:
    a, said, thought = call(0, "{", "}"), text(1, "x", "y"), thinking(2, "z", signature="s")
    answer = encode([START, a[0], *said, thought[0], a[1], *thought[1:], *a[2:], Finish(FinishReason.TOOL_CALLS)])
    assert [block["type"] for block in answer.content] == ["tool_use", "text", "thinking"]
    assert (answer.content[1]["text"], answer.content[2]["signature"]) == ("xy", "s")


def test_every_waiting_block_is_closed_at_the_end_even_unasked() -> None:
    answer = encode([START, call(0)[0], text(1, "x")[0], BlockDelta(1, "x"), STOP])
    assert [block["type"] for block in answer.content] == ["tool_use", "text"]


def test_custom_tool_input_is_one_json_string_however_it_is_cut() -> None:
    source = 'say("hé🦊\\n")\n\t</x>'
    for step in (1, 3, len(source)):
        deltas = [source[start : start + step] for start in range(0, len(source), step)]
        start = BlockStart(0, "custom_tool_call", "c1", "exec")
        answer = encode([START, start, *(BlockDelta(0, delta) for delta in deltas), BlockEnd(0), STOP])
        assert answer.content == [{"type": "tool_use", "id": "c1", "name": "exec", "input": {"input": source}}]


def test_custom_tool_without_input() -> None:
    answer = encode([START, BlockStart(0, "custom_tool_call", "c1", "exec"), BlockEnd(0), STOP])
    assert answer.content[0]["input"] == {"input": ""}


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("call_1", "call_1"),
        ("call.1:ü", "call_1__"),
        ("x" * 64, "x" * 64),
        ("x" * 80, "x" * 47 + "_"),
        ("", "toolu_"),
    ],
)
def test_tool_ids_fit(identifier: str, expected: str) -> None:
    start = BlockStart(0, "tool_call", identifier, "Read")
    assert encode([START, start, BlockEnd(0), STOP]).content[0]["id"].startswith(expected)


def test_tool_ids_are_unique() -> None:
    answer = encode([START, *call(0, identifier="same"), *call(1, identifier="same"), STOP])
    assert len({block["id"] for block in answer.content}) == 2


def test_refusal() -> None:
    answer = encode([START, BlockStart(0, "refusal"), BlockDelta(0, "I cannot."), BlockEnd(0), STOP])
    assert (answer.texts(), answer.stop_reason) == (["I cannot."], "refusal")


REASONS = [
    (FinishReason.STOP, "end_turn"),
    (FinishReason.LENGTH, "max_tokens"),
    (FinishReason.TOOL_CALLS, "end_turn"),  # no call was made
    (FinishReason.CONTENT_FILTER, "refusal"),
    (FinishReason.REFUSAL, "refusal"),
    (FinishReason.PAUSE, "pause_turn"),
    (FinishReason.CONTEXT_WINDOW, "model_context_window_exceeded"),
]


@pytest.mark.parametrize(("reason", "word"), REASONS)
def test_stop_reasons(reason: FinishReason, word: str) -> None:
    assert encode([START, *text(0, "x"), Finish(reason)]).stop_reason == word


def test_stop_sequence() -> None:
    answer = encode([START, Finish(FinishReason.STOP_SEQUENCE, stop_sequence="\nEND")])
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "\nEND")


def test_a_call_cut_by_the_limit_is_no_finished_call() -> None:
    answer = encode([START, *call(0, '{"a": "b'), Finish(FinishReason.LENGTH)])
    assert (answer.stop_reason, answer.content[0]["input"]) == ("max_tokens", {"_raw": '{"a": "b'})


def test_citations() -> None:
    own = Raw(b'{"type":"char_location","cited_text":"x"}')
    events: list[Event] = [
        BlockStart(0, "text"),
        Cited(0, Citation(wire="messages", raw=own)),
        BlockDelta(0, "x"),
        Cited(0, Citation(url="https://a", title="A")),
        Cited(0, Citation(title="no address")),
        BlockEnd(0),
    ]
    citations = encode([START, *events, STOP]).content[0]["citations"]
    assert [citation["type"] for citation in citations] == ["char_location", "web_search_result_location"]
    assert citations[1]["url"] == "https://a"


def test_a_hosted_search_is_a_pair_of_blocks() -> None:
    hosted = HostedCall(id="ws-1", name="web_search", input=Raw(b'{"query":"q"}'), hits=(SearchHit("https://a", "A"),))
    answer = encode([START, BlockStart(0, "hosted"), BlockEnd(0, hosted=hosted), *text(1, "x"), STOP])
    use, result, _ = answer.content
    assert (use["type"], use["name"], use["input"]) == ("server_tool_use", "web_search", {"query": "q"})
    assert (result["type"], result["tool_use_id"]) == ("web_search_tool_result", use["id"])
    assert [(hit["url"], hit["title"]) for hit in result["content"]] == [("https://a", "A")]
    assert answer.stop_reason == "end_turn"


def test_hosted_and_opaque_items_of_other_vendors_are_left_out() -> None:
    hosted = HostedCall(id="ci", name="code_interpreter", wire="responses", raw=Raw(b"{}"))
    opaque = Opaque("responses", Raw(b'{"type":"mcp_call"}'))
    assert kinds(
        BlockStart(0, "hosted"),
        BlockEnd(0, hosted=hosted),
        BlockStart(1, "opaque"),
        BlockEnd(1, opaque=opaque),
        BlockStart(2, "hosted"),
        BlockEnd(2),
        *text(3, "x"),
    ) == ["text"]


def test_own_opaque_blocks_come_back_unchanged() -> None:
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "1"}}
    opaque = Opaque("messages", Raw(json.dumps(use).encode()))
    assert encode([START, BlockStart(0, "opaque"), BlockEnd(0, opaque=opaque), STOP]).content == [use]


def test_message_start_comes_first_also_unasked() -> None:
    assert encode([*text(0, "x"), STOP]).texts() == ["x"]
    assert encode([STOP]).stop_reason == "end_turn"


def test_nothing_comes_after_the_end() -> None:
    encoder = WIRE.stream_encoder(context())
    stream = encoder.encode(
        [START, *text(0, "x"), STOP, STOP, *text(1, "y"), StreamError(LocalError(ErrorKind.API, "e"))]
    )
    assert read(stream).texts() == ["x"]
    assert encoder.encode([START, *text(2, "z"), STOP]) == b""
    assert encoder.fail(LocalError(ErrorKind.API, "e")) == b""
    assert encoder.keep_alive() == b""
