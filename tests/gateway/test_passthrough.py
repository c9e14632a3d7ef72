"""Where entry and upstream speak the same wire, bytes go through: one suite for all three wires."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.inference.blocks import Reasoning, Text, ToolCall
from daemon.inference.collect import replay
from daemon.inference.request import ReasoningOptions
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.anthropic_messages.message_events import message_of
from daemon.wires.table import WIRES as BY_NAME
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate
from tests.wires import grammar_chat, grammar_messages, grammar_responses

FIXTURES = Path(__file__).resolve().parents[2] / ".." / "shared" / "fixtures"
WIRES = ("responses", "chat", "messages")
THINKING = ReasoningOptions(enabled=True)
STOPPING = LocalError(ErrorKind.OVERLOADED, "the gateway is stopping")
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
CHECKS: dict[str, Callable[[bytes], object]] = {
    "responses": grammar_responses.check,
    "chat": grammar_chat.check,
    "messages": lambda stream: grammar_messages.check(stream.replace(PING, b"")),  # which the API sends, and we
}


def new_pipe(wire: str, *, stream: bool = True, owners: ReasoningOwners | None = None, **asked: Any) -> PassthroughPipe:
    """A request on its way, with its first attempt begun."""
    pipe = PassthroughPipe(client_request(wire, {"stream": stream}, **asked), owners or ReasoningOwners())
    attempt(pipe, wire)
    return pipe


def failure_of(step: Callable[[], object]) -> RemoteError | None:
    """The error that ends the attempt, if any."""
    try:
        step()
    except RemoteError as error:
        return error
    return None


def attempt(pipe: PassthroughPipe, wire: str) -> None:
    pipe.prepare(target(candidate(wire=wire, model="served")))


def counts(pipe: PassthroughPipe) -> tuple[int | None, int | None]:
    """(prompt tokens, answer tokens) of a finished answer."""
    usage = pipe.summary().usage
    assert usage is not None
    return usage.input_tokens, usage.output_tokens


def frames(wire: str, *events: dict[str, Any], done: bool = True) -> bytes:
    if wire != "chat":
        return b"".join(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in events)
    return b"".join(b"data: %s\n\n" % dumps(event) for event in events) + (b"data: [DONE]\n\n" if done else b"")


def dumps(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def read(stream: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in stream.decode().split("\n") if line.startswith("data: ")]
    return [{"type": line} if line == "[DONE]" else json.loads(line) for line in lines]


def opening(wire: str, answer: str = "msg_up", model: str = "served-2026") -> list[dict[str, Any]]:
    match wire:
        case "responses":
            response = {"id": answer, "model": model, "output": [], "status": "in_progress", "odd": {"model": model}}
            return [{"type": "response.created", "sequence_number": 0, "response": response}]
        case "messages":
            usage = {"input_tokens": 11, "output_tokens": 1, "odd": 1}
            message = {"id": answer, "type": "message", "role": "assistant", "model": model, "content": []}
            whole = message | {"stop_reason": None, "stop_sequence": None, "usage": usage}
            return [{"type": "message_start", "message": whole}]
        case _:
            return [chunk(answer, {"role": "assistant", "content": ""}, model=model)]


def chunk(answer: str, delta: dict[str, Any], *, model: str = "served-2026", **fields: Any) -> dict[str, Any]:
    head = {"id": answer, "object": "chat.completion.chunk", "created": 5, "model": model, "odd": {"x": [1]}}
    return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None} | fields]}


def text(wire: str, said: str, answer: str = "msg_up") -> list[dict[str, Any]]:
    match wire:
        case "responses":
            item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
            part = {"type": "output_text", "text": said, "annotations": []}
            at = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
            bare = {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}}
            events: list[dict[str, Any]] = [
                bare,
                {"type": "response.content_part.added", "part": part | {"text": ""}, **at},
                {"type": "response.output_text.delta", "delta": said, **at},
                {"type": "response.output_text.done", "text": said, **at},
                {"type": "response.content_part.done", "part": part, **at},
                {"type": "response.output_item.done", "output_index": 0, "item": item | {"content": [part]}},
            ]
            return [event | {"sequence_number": number} for number, event in enumerate(events, start=1)]
        case "messages":
            return [
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}},
                {"type": "content_block_stop", "index": 0},
            ]
        case _:
            return [chunk(answer, {"content": said})]


def ending(wire: str, answer: str = "msg_up") -> list[dict[str, Any]]:
    match wire:
        case "responses":
            usage = {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
            response = {"id": answer, "model": "served-2026", "output": [], "status": "completed", "usage": usage}
            return [{"type": "response.completed", "sequence_number": 7, "response": response}]
        case "messages":
            delta = {"stop_reason": "end_turn", "stop_sequence": None}
            return [
                {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}, "odd": 1},
                {"type": "message_stop"},
            ]
        case _:
            usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
            last = chunk(answer, {}, finish_reason="stop")
            return [last, last | {"choices": [], "usage": usage}]


def whole(wire: str) -> bytes:
    return frames(wire, *opening(wire), *text(wire, "hello"), *ending(wire))


def asked_for(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same events with the answer's model as the client gets it."""

    def renamed(event: dict[str, Any]) -> dict[str, Any]:
        for holder in ("response", "message"):
            if "model" in event.get(holder, {}):
                return event | {holder: event[holder] | {"model": "asked-for"}}
        return event | {"model": "asked-for"} if "model" in event else event

    return [renamed(event) for event in events]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_everything_goes_through_but_for_the_model(wire: str, size: int) -> None:
    pipe = new_pipe(wire)
    stream = whole(wire)
    for at in range(0, len(stream), size):
        pipe.feed(stream[at : at + size])
    assert pipe.stage == "finished"
    assert counts(pipe) == (11, 3)
    out = pipe.take()
    expected = asked_for(opening(wire) + text(wire, "hello") + ending(wire))
    if wire == "responses":  # an empty output at the end is put together from the items
        expected[-1]["response"]["output"] = [text(wire, "hello")[-1]["item"]]
    assert [event for event in read(out) if event.get("type") != "[DONE]" or wire == "chat"] == expected + (
        [{"type": "[DONE]"}] if wire == "chat" else []
    )


def test_a_chunk_keeps_every_byte_but_its_models() -> None:
    pipe = new_pipe("chat")
    odd = b'{"id":"a", "model" : "x",  "choices":[{"index":0,"delta":{"content":"\\u00e9"}}],"n":1.0}'
    same = odd.replace(b'"model" : "x"', b'"model":"asked-for"')
    pipe.feed(b"data: " + same + b"\n\n")
    assert pipe.take() == b"data: " + same + b"\n\n"
    pipe.feed(b"data: " + same.replace(b"asked-for", b"served") + b"\n\n")
    assert pipe.take() == b"data: " + same + b"\n\n"


@pytest.mark.parametrize("wire", WIRES)
def test_nothing_is_shown_before_the_first_content(wire: str) -> None:
    pipe = new_pipe(wire)
    pipe.feed(frames(wire, *opening(wire), done=False))
    assert (pipe.stage, pipe.take()) == ("held", b"")
    pipe.feed(frames(wire, *text(wire, "x")[:3], done=False))
    assert pipe.stage == "committed"
    assert read(pipe.take())[0] == asked_for(opening(wire))[0]


@pytest.mark.parametrize("wire", WIRES)
def test_a_clean_early_end_is_a_failure_at_every_event(wire: str) -> None:
    events = opening(wire) + text(wire, "hello") + ending(wire)
    terminal = 2 if wire == "chat" else 1  # after a finish_reason the end of the body is the end
    for count in range(len(events) - terminal + 1):
        pipe = new_pipe(wire)
        pipe.feed(frames(wire, *events[:count], done=False))
        error = failure_of(pipe.end_of_body)
        assert error is not None, count
        out = pipe.take() + pipe.fail(error)
        last = read(out)[-1]
        assert "error" in json.dumps(last)
        assert "completed" not in str(last.get("type"))


ANSWER = Response(
    id="up",
    model="served",
    content=(
        Reasoning(parts=("hm",), signature="sealed"),
        Text("hello"),
        ToolCall(id="call_1", name="f", arguments='{"a":1}'),
    ),
    finish=FinishReason.TOOL_CALLS,
    usage=Usage(input_tokens=11, output_tokens=3),
)


def recorded(wire: str, answer_id: str) -> list[bytes]:
    """Each event of a stream that keeps its wire's grammar to the letter."""
    context = replace(client_request(wire, reasoning=THINKING).context, model="served", answer_id=answer_id)
    stream = BY_NAME[wire].stream_encoder(context).encode(list(replay(ANSWER)))
    return [event + b"\n\n" for event in stream.split(b"\n\n")[:-1]]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("asked", [THINKING, ReasoningOptions()], ids=["thinking", "no thinking"])
@pytest.mark.parametrize("beats", [1, 2])
@pytest.mark.parametrize("after", range(20))
def test_keep_alives_leave_a_valid_stream_wherever_they_come(
    wire: str, asked: ReasoningOptions, beats: int, after: int
) -> None:
    pipe = new_pipe(wire, reasoning=asked)
    out = b""
    for position, event in enumerate(recorded(wire, "1" * 32)):
        if position == after:
            out += b"".join(pipe.keep_alive() for _ in range(beats))
        pipe.feed(event)
        out += pipe.take()
    assert pipe.stage == "finished"
    CHECKS[wire](out)
    assert "hello" in json.dumps(read(out))
    assert counts(pipe) == (11, 3)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("events", [0, 1, 3])
def test_a_second_attempt_goes_on_under_the_id_that_the_client_has_seen(wire: str, events: int) -> None:
    pipe = new_pipe(wire)
    out = b""
    for event in recorded(wire, "1" * 32)[:events]:
        pipe.feed(event)
    if pipe.stage != "held":
        return  # then there is no second attempt
    out = pipe.keep_alive()
    attempt(pipe, wire)
    pipe.feed(b"".join(recorded(wire, "2" * 32)))
    out += pipe.take()
    CHECKS[wire](out)
    ids = {(event.get("response") or event.get("message") or event).get("id") for event in read(out)} - {None}
    assert len(ids) == 1
    assert "2" * 32 not in str(ids)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("events", [0, 1, 2, 3])
def test_the_last_word_is_the_failure(wire: str, events: int) -> None:
    pipe = new_pipe(wire)
    pipe.feed(frames(wire, *(opening(wire) + text(wire, "hello"))[:events], done=False))
    out = pipe.take() + pipe.keep_alive() + pipe.fail(STOPPING)
    assert STOPPING.message in json.dumps(read(out)[-1])
    if wire == "messages":
        grammar_messages.read(out, ended=True)


CALL_START = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
HALF_CALL: list[dict[str, Any]] = [
    {"type": "content_block_start", "index": 0, "content_block": CALL_START},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"comm'}},
]


@pytest.mark.parametrize("alive", [False, True], ids=["", "kept alive"])
@pytest.mark.parametrize("how", ["error event", "cut", "stopping"])
def test_a_failure_ends_no_block_toward_a_messages_client(how: str, alive: bool) -> None:
    """Claude Code runs a call whose block is closed, half as it is: also where the upstream itself says it failed."""
    pipe = new_pipe("messages")
    out = pipe.keep_alive() if alive else b""
    pipe.feed(frames("messages", *opening("messages"), *HALF_CALL))
    out += pipe.take()
    error: GatewayError | None = STOPPING
    if how == "error event":
        error = failure_of(lambda: pipe.feed(frames("messages", ERRORS["messages"])))
    elif how == "cut":
        error = failure_of(pipe.end_of_body)
    assert error is not None
    failed = pipe.take() + pipe.fail(error)
    assert [event["type"] for event in read(failed)] == ["error"]
    assert grammar_messages.read(out + failed).open


TEXT_START = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "odd": 1}}


@pytest.mark.parametrize("beats", [1, 2])
@pytest.mark.parametrize("given", ["", "he"], ids=["", "begun with text"])
def test_the_first_text_goes_on_in_the_block_that_kept_the_stream_alive(given: str, beats: int) -> None:
    """So ``content[0].text`` is the answer, whoever waited for it; later blocks keep their numbers."""
    pipe = new_pipe("messages")
    out = b"".join(pipe.keep_alive() for _ in range(beats))
    start = TEXT_START | {"content_block": {"type": "text", "text": given}}
    call = [event | {"index": 1} for event in HALF_CALL] + [{"type": "content_block_stop", "index": 1}]
    pipe.feed(frames("messages", *opening("messages"), start, *text("messages", "llo")[1:], *call, *ending("messages")))
    out += pipe.take()
    indexes = [event["index"] for event in read(out) if event["type"] == "content_block_start"]
    assert indexes == [0, 1]
    assert json.loads(message_of(out))["content"][0] == {"type": "text", "text": f"{given}llo"}


def test_thinking_goes_on_in_the_thinking_that_kept_the_stream_alive() -> None:
    pipe = new_pipe("messages", reasoning=THINKING)
    out = pipe.keep_alive()
    for event in recorded("messages", "1" * 32):
        pipe.feed(event)
    content = json.loads(message_of(out + pipe.take()))["content"]
    assert content[0] == {"type": "thinking", "thinking": "hm", "signature": "sealed"}
    assert [block["type"] for block in content] == ["thinking", "text", "tool_use"]


@pytest.mark.parametrize("block", [{"type": "thinking", "thinking": "", "signature": ""}, CALL_START])
def test_another_block_closes_the_text_that_kept_the_stream_alive(block: dict[str, Any]) -> None:
    pipe = new_pipe("messages")
    out = pipe.keep_alive()
    first = [TEXT_START | {"content_block": block}, {"type": "content_block_stop", "index": 0}]
    pipe.feed(
        frames("messages", *opening("messages"), *first, *[event | {"index": 1} for event in text("messages", "x")])
    )
    pipe.feed(frames("messages", *ending("messages")))
    content = json.loads(message_of(out + pipe.take()))["content"]
    assert content == [{"type": "text", "text": ""}, block, {"type": "text", "text": "x"}]


ERRORS: dict[str, dict[str, Any]] = {
    "responses": {
        "type": "response.failed",
        "response": {"id": "x", "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}},
    },
    "chat": {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
    "messages": {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
}


@pytest.mark.parametrize("wire", WIRES)
def test_an_error_event_is_the_attempts_failure(wire: str) -> None:
    pipe = new_pipe(wire)
    error = failure_of(lambda: pipe.feed(frames(wire, *opening(wire), ERRORS[wire], done=False)))
    assert error is not None
    assert (error.kind, error.message) == (ErrorKind.RATE_LIMIT, "slow down")
    assert pipe.stage == "held"


def test_usage_that_the_client_did_not_ask_for_is_not_shown() -> None:
    pipe = new_pipe("chat", include_usage=False)
    pipe.feed(whole("chat"))
    assert counts(pipe) == (11, 3)
    assert [len(event.get("choices", "-")) for event in read(pipe.take())] == [1, 1, 1, 1]


def test_a_collected_answer_has_its_usage() -> None:
    """Whatever a stream would have shown: ``stream_options`` has no say there."""
    pipe = new_pipe("chat", stream=False, include_usage=False)
    pipe.feed(whole("chat"))
    assert json.loads(pipe.whole())["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("beats", [0, 1])
def test_an_empty_id_at_the_start_is_nobodys(beats: int) -> None:
    """Azure's first chunk has one, and it is by the later ones that clients know the answer."""
    pipe = new_pipe("chat")
    out = b"".join(pipe.keep_alive() for _ in range(beats))
    pipe.feed(frames("chat", chunk("", {"content": "a"})))
    out += pipe.take() + pipe.keep_alive()
    pipe.feed(frames("chat", *text("chat", "b"), *ending("chat")))
    ids = [event["id"] for event in read(out + pipe.take()) if "id" in event]
    ours = f"chatcmpl-{'0' * 32}"
    assert ids[0] in ("", ours) and set(ids[1:]) == {ours}


def test_a_stream_without_done_gets_one() -> None:
    pipe = new_pipe("chat")
    pipe.feed(frames("chat", *opening("chat"), *text("chat", "hello"), *ending("chat"), done=False))
    pipe.end_of_body()
    assert read(pipe.take())[-1] == {"type": "[DONE]"}


ANSWERS: dict[str, dict[str, Any]] = {
    "responses": {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "served-2026",
        "output": [text("responses", "hello")[-1]["item"]],
        "odd": [1.0],
        "usage": {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14},
    },
    "chat": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "served-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "odd": [1.0],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    },
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served-2026",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "odd": [1.0],
        "usage": {"input_tokens": 11, "output_tokens": 3},
    },
}


@pytest.mark.parametrize("wire", WIRES)
def test_a_whole_answer_for_a_client_that_asked_for_one(wire: str) -> None:
    pipe = new_pipe(wire, stream=False)
    pipe.feed_whole(dumps(ANSWERS[wire]))
    assert json.loads(pipe.whole()) == ANSWERS[wire] | {"model": "asked-for"}
    assert counts(pipe) == (11, 3)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("alive", [False, True])
def test_a_whole_answer_where_a_stream_was_asked_for(wire: str, alive: bool) -> None:
    pipe = new_pipe(wire)
    out = pipe.keep_alive() if alive else b""
    pipe.feed_whole(json.dumps(ANSWERS[wire], indent=2).encode())  # some upstreams indent
    out += pipe.take()
    assert "hello" in json.dumps(read(out))
    if wire != "responses":  # there the objects are the upstream's own, and this one's are small
        CHECKS[wire](out)


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_where_a_whole_answer_was_asked_for(wire: str) -> None:
    pipe = new_pipe(wire, stream=False)
    pipe.feed(whole(wire))
    answer = json.loads(pipe.whole())
    assert answer["model"] == "asked-for"
    assert "hello" in json.dumps(answer)


def test_reasoning_is_remembered_by_who_made_it() -> None:
    owners = ReasoningOwners()
    pipe = new_pipe("responses", owners=owners)
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"}
    pipe.feed(frames("responses", {"type": "response.output_item.done", "output_index": 0, "item": item}))
    signed = new_pipe("messages", owners=owners)
    delta = {"type": "signature_delta", "signature": "sig"}
    start = {"type": "message_start", "message": {"id": "msg_1", "type": "message", "model": "m"}}
    signed.feed(frames("messages", start, {"type": "content_block_delta", "index": 0, "delta": delta}))
    for piece in (b"sealed", b"sig"):
        assert owners.may_go("tppc:fox:0123456789ab", piece)
        assert not owners.may_go("tppc:wolf:0123456789ab", piece)


RECORDINGS = sorted(FIXTURES.glob("*/*.stream.sse"))


@pytest.mark.skipif(not RECORDINGS, reason="recordings are in ../shared/fixtures")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name.partition('.')[0]}")
def test_recorded_streams_go_through_at_any_cut(path: Path) -> None:
    wire, stream = path.parent.name, path.read_bytes()
    results = []
    for size in (len(stream), 61):
        pipe = new_pipe(wire)
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        error = failure_of(partial(all, map(pipe.feed, pieces))) or failure_of(pipe.end_of_body)
        results.append((pipe.take(), str(error), pipe.summary().usage))
    assert results[0] == results[1]


WHOLE_RECORDINGS = sorted(FIXTURES.glob("*/j-*.response.json"))


@pytest.mark.skipif(not WHOLE_RECORDINGS, reason="recordings are in ../shared/fixtures")
@pytest.mark.parametrize("path", WHOLE_RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name.partition('.')[0]}")
@pytest.mark.parametrize("alive", [False, True])
def test_recorded_answers_unfold_into_valid_streams(path: Path, alive: bool) -> None:
    wire = path.parent.name
    pipe = new_pipe(wire)
    out = pipe.keep_alive() if alive else b""
    pipe.feed_whole(path.read_bytes())
    CHECKS[wire](out + pipe.take())


def test_a_collected_message_is_what_its_events_said() -> None:
    """With fields that no hub knows, and input that a limit cut as it came."""
    message = {"id": "m", "type": "message", "role": "assistant", "model": "served", "content": [], "usage": {"a": 1}}
    cited = {"type": "citations_delta", "citation": {"url": "u"}}
    pipe = new_pipe("messages", stream=False)
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "h"}},
        {"type": "content_block_delta", "index": 0, "delta": cited},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "i"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"x": 1}}, "usage": {"b": 2}},
        {"type": "message_stop"},
    ]
    pipe.feed(frames("messages", *events))
    answer = json.loads(pipe.whole())
    assert answer["content"] == [
        {"type": "text", "text": "hi", "citations": [{"url": "u"}]},
        {"type": "tool_use", "id": "t", "input": {"_raw": '{"a'}},
    ]
    assert (answer["model"], answer["stop_details"], answer["usage"]) == ("asked-for", {"x": 1}, {"a": 1, "b": 2})


def test_a_collected_completion_keeps_what_stands_beside_its_choices() -> None:
    """Id, time, fingerprint, usage and fields that no hub knows, from whichever chunk said them."""
    pipe = new_pipe("chat", stream=False)
    first = chunk("chatcmpl-up", {"role": "assistant", "content": "hello"}) | {"odd": [1], "created": 0, "id": ""}
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 20, "cost": 1}
    last = chunk("chatcmpl-up", {}, finish_reason="stop") | {"system_fingerprint": "fp", "usage": usage, "odd": None}
    pipe.feed(frames("chat", first, last))
    answer = json.loads(pipe.whole())
    assert answer["choices"][0]["message"]["content"] == "hello" and answer["object"] == "chat.completion"
    beside = {"id": "chatcmpl-up", "created": 5, "model": "asked-for", "system_fingerprint": "fp", "odd": [1]}
    assert {name: answer[name] for name in beside} == beside and answer["usage"] == usage


def test_an_unfolded_message_keeps_what_the_hub_does_not_know() -> None:
    """Also after a keep-alive, which has taken the first index."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi", "citations": [{"type": "page_location", "document_index": 0}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        {"type": "unheard_of", "x": 1},
    ]
    usage = {"input_tokens": 11, "output_tokens": 3, "cache_creation": {"ephemeral_5m_input_tokens": 2}}
    ended = {"content": blocks, "stop_reason": "tool_use", "stop_details": {"y": 1}, "usage": usage}
    for alive in (False, True):
        pipe = new_pipe("messages")
        out = pipe.keep_alive() if alive else b""
        pipe.feed_whole(dumps(ANSWERS["messages"] | ended))
        out += pipe.take()
        answer = json.loads(message_of(out))
        assert answer["content"][alive:] == blocks and answer["usage"].items() >= usage.items()
        assert (answer["stop_reason"], answer["stop_details"]) == ("tool_use", {"y": 1})


@pytest.mark.parametrize(
    "block", [{"x": 1}, {"type": 1}, {"type": "text", "text": 1}, {"type": "text", "citations": 1}]
)
def test_an_odd_block_of_a_message_is_passed_on_or_a_failure(block: dict[str, Any]) -> None:
    pipe = new_pipe("messages")
    error = failure_of(lambda: pipe.feed_whole(dumps(ANSWERS["messages"] | {"content": [block]})))
    assert error is not None or (pipe.stage == "finished" and pipe.take().endswith(b'"message_stop"}\n\n'))


def test_all_choices_of_a_completion_pass() -> None:
    """They end one after another, and only the last end is the answer's."""
    pipe = new_pipe("chat")
    spoken = [("a", 0), ("b", 1)]
    said = [chunk("chatcmpl-1", {"content": text}, index=index) for text, index in spoken]
    ends = [chunk("chatcmpl-1", {}, index=index, finish_reason="stop") for _, index in spoken]
    pipe.feed(frames("chat", said[0], ends[0], said[1], ends[1]))
    got = [choice for event in read(pipe.take()) for choice in event.get("choices", [])]
    assert [(choice["index"], choice["delta"].get("content")) for choice in got] == [
        (0, "a"),
        (0, None),
        (1, "b"),
        (1, None),
    ]
    assert pipe.stage == "finished"
