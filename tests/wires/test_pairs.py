"""Every upstream wire toward every entry wire: nine pairs, judged by the recordings and by the grammars.

The recordings are in ../shared/fixtures, with a judge that knows nothing of us (``oracle.py``).
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import RemoteError
from daemon.inference.blocks import Text, ToolCall
from daemon.inference.collect import collect, replay
from daemon.inference.events import BlockEnd, Event, Finish, StreamError
from daemon.inference.response import Response
from daemon.wires.base import Wire
from daemon.wires.sse import SseSplitter
from daemon.wires.sse_decoder import is_done
from daemon.wires.table import WIRES
from tests.wires import grammar_chat, grammar_messages, grammar_responses
from tests.wires.world import GRAMMARS, context

FIXTURES = Path(__file__).resolve().parents[2] / ".." / "shared" / "fixtures"
NAMES = sorted(f"{path.parent.name}/{path.name.removesuffix('.meta.json')}" for path in FIXTURES.glob("*/*.meta.json"))
STREAMS = [name for name in NAMES if "/s-" in name]
ANSWERS = [name for name in NAMES if "/j-" in name]
ERRORS = [name for name in NAMES if "/e-" in name]

BESIDE = {"messages/s-refusal"}
"""Recordings whose words stand beside the content (``stop_details``). Another wire shows them as content, which it has
no other place for; between equal wires that would be content the upstream never sent, and there the bytes pass through:
``test_streams_that_pass_through``."""

FAILED = {"responses/s-failed-quota"}
"""Streams of an answer that failed."""

recorded = pytest.mark.skipif(not NAMES, reason="../shared/fixtures is missing")
# the judge leaves its files to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def oracle() -> Any:
    spec = importlib.util.spec_from_file_location("fixtures_oracle", FIXTURES / "oracle.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=WIRES)
def entry(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


def upstream_of(name: str) -> Wire:
    return WIRES[name.partition("/")[0]]


def stream_of(name: str) -> bytes:
    return (FIXTURES / f"{name}.stream.sse").read_bytes()


def body_of(name: str) -> bytes:
    return (FIXTURES / f"{name}.response.json").read_bytes()


def through(upstream: Wire, entry: Wire, pieces: Sequence[bytes]) -> tuple[bytes, list[Event]]:
    """The stream that a client gets, read by read, and the hub's events."""
    decoder, encoder = upstream.stream_decoder({}), entry.stream_encoder(context(entry.name))
    out, events = b"", []
    for piece in pieces:
        now = decoder.feed(piece)
        events += now
        out += encoder.encode(now)
    now = decoder.close()
    return out + encoder.encode(now), events + now


def judged(oracle: Any, name: str, entry: Wire, body: bytes, status: int = 200) -> None:
    verdict = oracle.judge(name, body, entry.name, status, same=False)
    assert verdict["pass"], (verdict["violations"], verdict["hard"])


# --- recordings ---


@recorded
@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str, entry: Wire, oracle: Any) -> None:
    """As a stream and collected, whole and byte by byte: our grammar and the judge agree."""
    stream = stream_of(name)
    whole, events = through(upstream_of(name), entry, [stream])
    GRAMMARS[entry.name](whole)
    bytewise, same = through(upstream_of(name), entry, [stream[at : at + 1] for at in range(len(stream))])
    if name not in FAILED:
        assert (bytewise, same) == (whole, events)
    if name in BESIDE and entry is upstream_of(name):
        return
    if name not in FAILED:
        answer = entry.encode_response(collect(events), context(entry.name))
        judged(oracle, name, entry, answer)
    judged(oracle, name, entry, whole)


@recorded
@pytest.mark.parametrize("name", sorted(set(STREAMS) - FAILED))
def test_streams_that_pass_through(name: str, oracle: Any) -> None:
    """Where client and upstream speak one wire, the judge finds everything as it was, streamed and collected."""
    wire = upstream_of(name)
    answer = context(wire.name)
    dialect = wire.passthrough(answer, lambda response: wire.encode_response(response, answer))
    splitter = SseSplitter()
    stream = b""
    for payload in [*splitter.feed(stream_of(name)), *splitter.close()]:
        if not is_done(payload):
            dialect.read(payload)
            stream += dialect.event(payload)
    stream += dialect.end()
    for body in (stream, dialect.collected(stream)):
        verdict = oracle.judge(name, body, wire.name, 200, same=True)
        assert verdict["pass"], (verdict["violations"], verdict["hard"])


@recorded
@pytest.mark.parametrize("name", ANSWERS)
def test_whole_answers(name: str, entry: Wire, oracle: Any) -> None:
    """As they came, and unfolded for a client that asked for a stream."""
    answer = upstream_of(name).decode_response(body_of(name), {})
    judged(oracle, name, entry, entry.encode_response(answer, context(entry.name)))
    stream = entry.stream_encoder(context(entry.name)).encode(list(replay(answer)))
    GRAMMARS[entry.name](stream)
    judged(oracle, name, entry, stream)


@recorded
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, entry: Wire, oracle: Any) -> None:
    meta = json.loads((FIXTURES / f"{name}.meta.json").read_bytes())
    error = upstream_of(name).decode_error(meta["status"], meta["response_headers"], body_of(name))
    status, _, body = entry.encode_error(error, "req_1")
    judged(oracle, name, entry, body, status)


# --- cuts ---

SAID_END = re.compile(rb'"finish_reason": ?"|"message_stop"|"response\.(completed|incomplete|failed)"')
"""What a frame holds with which an upstream says that its answer is whole."""

BROKEN: dict[str, Callable[[bytes], bool]] = {
    "messages": lambda stream: grammar_messages.read(stream).error is not None,
    "chat": lambda stream: grammar_chat.read(stream).error is not None,
    "responses": lambda stream: grammar_responses.check(stream)["status"] == "failed",
}


@recorded
@pytest.mark.parametrize("name", sorted(set(STREAMS) - FAILED - {"chat/s-thirdparty-tool-kimi"}))
def test_no_cut_is_a_clean_end(name: str, entry: Wire) -> None:
    """Wherever the upstream's stream ends before it said so, the client's ends in an error."""
    frames = re.findall(rb".*?\n\n", stream_of(name), re.S)
    last = next(at for at, frame in enumerate(frames) if SAID_END.search(frame))
    for count in {0, 1, last // 4, last // 2, last - 1, last}:
        for rest in (b"", frames[count][:-20]):
            stream, events = through(upstream_of(name), entry, [*frames[:count], rest])
            assert isinstance(events[-1], StreamError), f"after {count} of {len(frames)} frames"
            assert BROKEN[entry.name](stream), f"after {count} of {len(frames)} frames"


# --- the failures of today's gateways (reference/peer-fidelity.md, part 6) ---

REFUSALS = [name for name in NAMES if "refusal" in name and "/e-" not in name]


@recorded
@pytest.mark.parametrize("name", REFUSALS)
def test_the_words_of_a_refusal_survive(name: str, entry: Wire, oracle: Any) -> None:
    upstream = upstream_of(name)
    said = oracle.canon_fixture(name)["refusal"] or "restrictions on violative cyber content"
    if name in STREAMS:
        stream, events = through(upstream, entry, [stream_of(name)])
        answer = collect(events)
        shown = oracle.canon(stream, entry.name)
        assert said in "".join(shown["text"]) + (shown["refusal"] or "")
    else:
        answer = upstream.decode_response(body_of(name), {})
    shown = oracle.canon(entry.encode_response(answer, context(entry.name)), entry.name)
    assert said in "".join(shown["text"]) + (shown["refusal"] or "")


FILTERED: dict[str, bytes] = {
    "chat": b'{"choices":[{"index":0,"finish_reason":"content_filter","message":{"content":"a"}}]}',
    "responses": b'{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}',
    "messages": b'{"type":"message","id":"m","role":"assistant","model":"x","content":[],"stop_reason":"refusal"}',
}


@pytest.mark.parametrize("upstream", FILTERED)
def test_a_filtered_answer_is_not_one_that_was_too_long(upstream: str, entry: Wire) -> None:
    """A client goes on asking after ``max_tokens``, and takes ``end_turn`` for an answer."""
    answer = WIRES[upstream].decode_response(FILTERED[upstream], {})
    body = json.loads(entry.encode_response(answer, context(entry.name)))
    reason = body.get("stop_reason") or body.get("incomplete_details") or body["choices"][0]["finish_reason"]
    assert reason in ("refusal", {"reason": "content_filter"}, "content_filter")


FAILURES: dict[str, bytes] = {
    "chat": b'{"error":{"message":"it broke","type":"server_error","code":"server_error"}}',
    "responses": b'{"status":"failed","output":[],"error":{"code":"server_error","message":"it broke"}}',
    "messages": b'{"type":"error","error":{"type":"api_error","message":"it broke"}}',
}


@pytest.mark.parametrize("upstream", FAILURES)
def test_a_failed_answer_is_never_an_empty_success(upstream: str, entry: Wire) -> None:
    with pytest.raises(RemoteError, match="it broke") as caught:
        WIRES[upstream].decode_response(FAILURES[upstream], {})
    status, _, body = entry.encode_error(caught.value, "req_1")
    assert status >= 500 and b"it broke" in body


@pytest.mark.parametrize("upstream", WIRES)
def test_retry_after_keeps_its_name(upstream: str, entry: Wire) -> None:
    body = b'{"error":{"type":"rate_limit_error","message":"slow down","code":"rate_limit_exceeded"}}'
    error = WIRES[upstream].decode_error(429, {"retry-after": "7"}, body)
    status, headers, answer = entry.encode_error(error, "req_1")
    assert (status, headers["retry-after"]) == (429, "7") and b"slow down" in answer


@recorded
def test_a_client_gets_an_end_for_every_block(entry: Wire) -> None:
    """Item ids that change from event to event (Copilot) broke another gateway's blocks."""
    stream, events = through(WIRES["responses"], entry, [stream_of("responses/s-reasoning-idrotation")])
    GRAMMARS[entry.name](stream)
    assert any(isinstance(event, BlockEnd) for event in events) and isinstance(events[-1], Finish)


@recorded
@pytest.mark.parametrize("name", sorted(set(STREAMS) - FAILED))
def test_usage_does_not_depend_on_how_bytes_arrive(name: str, entry: Wire, oracle: Any) -> None:
    stream = stream_of(name)
    usages: list[Any] = []
    for size in (1 << 30, 7, 1000):
        shown, _ = through(upstream_of(name), entry, [stream[at : at + size] for at in range(0, len(stream), size)])
        usages.append(oracle.canon(shown, entry.name)["usage"])
    assert usages[0] is not None and usages == [usages[0]] * 3


@pytest.mark.parametrize("upstream", WIRES)
def test_an_answer_passes_through_a_second_gateway(upstream: str, entry: Wire) -> None:
    """What an entry shows, the same wire's upstream side reads: gateways can stand behind each other."""
    first = WIRES[upstream].decode_response(SPOKEN[upstream], {})
    again = entry.decode_response(entry.encode_response(first, context(entry.name)), {})
    assert said(again) == said(first)


SPOKEN: dict[str, bytes] = {
    "chat": b'{"choices":[{"index":0,"finish_reason":"tool_calls","message":{"content":"hi","tool_calls":'
    b'[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"x\\":1}"}}]}}],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}',
    "responses": b'{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]},'
    b'{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\\"x\\":1}"}],'
    b'"usage":{"input_tokens":5,"output_tokens":3}}',
    "messages": b'{"type":"message","id":"m","role":"assistant","model":"x","content":[{"type":"text","text":"hi"},'
    b'{"type":"tool_use","id":"call_1","name":"f","input":{"x":1}}],"stop_reason":"tool_use",'
    b'"usage":{"input_tokens":5,"output_tokens":3}}',
}


def said(answer: Response) -> object:
    usage = answer.usage
    assert usage is not None
    calls = [(block.id, block.name, block.arguments) for block in answer.content if isinstance(block, ToolCall)]
    texts = [block.text for block in answer.content if isinstance(block, Text)]
    return calls, texts, answer.finish, usage.input_tokens, usage.output_tokens
