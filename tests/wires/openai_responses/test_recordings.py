"""Every recorded answer of the real services means to us what it means to an independent reader."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from daemon.errors import GatewayError
from daemon.inference.blocks import HostedCall, ModelRefusal, Opaque, Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.events import Finish, StreamError
from daemon.inference.response import FinishReason, Response
from daemon.wires.openai_responses import WIRE
from tests.wires.grammar_responses import check
from tests.wires.openai_responses import world
from tests.wires.openai_responses.world import ANSWERS, ERRORS, FIXTURES, STREAMS, context, decode, load

pytestmark = [
    world.recorded,
    # the judge leaves its files to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
FAILED = {"s-failed-quota"}
ROTATING = {"s-reasoning-idrotation"}
"""Ids that change from event to event."""


@pytest.fixture(scope="module")
def oracle() -> Any:
    return load(world.SHARED / "fixtures" / "oracle.py")


def stream_of(name: str) -> bytes:
    return (FIXTURES / f"{name}.stream.sse").read_bytes()


@pytest.mark.parametrize("name", STREAMS)
def test_cuts_change_nothing(name: str) -> None:
    """Whole, byte by byte and one event at a time: the same events."""
    stream = stream_of(name)
    whole = decode(stream)
    frames = re.findall(rb".*?\n\n", stream, re.S)
    for pieces in ([stream[i : i + 1] for i in range(len(stream))], frames):
        same = decode(stream, pieces)
        if name in FAILED:
            assert str(same) == str(whole) or isinstance(same[-1], StreamError)
        else:
            assert same == whole


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_is_reported(name: str) -> None:
    """A stream that ends before its terminal event, at whichever event, is an error and never a clean end."""
    frames = re.findall(rb".*?\n\n", stream_of(name), re.S)
    for count in range(len(frames) - (2 if name in FAILED else 1)):
        events = decode(b"", frames[:count])
        assert isinstance(events[-1], StreamError), f"after {count} events"
        assert "response.completed" in events[-1].error.message


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in FAILED])
def test_streams_mean_what_was_recorded(name: str, oracle: Any) -> None:
    compare(oracle.canon_fixture(f"responses/{name}"), collect(decode(stream_of(name))))


@pytest.mark.parametrize("name", ANSWERS)
def test_whole_answers_mean_what_was_recorded(name: str, oracle: Any) -> None:
    body = (FIXTURES / f"{name}.response.json").read_bytes()
    compare(oracle.canon_fixture(f"responses/{name}"), WIRE.decode_response(body, {}))


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in FAILED | ROTATING])
def test_a_stream_says_what_its_last_event_says_whole(name: str) -> None:
    """``collect`` of the stream is the answer that its ``response.completed`` holds."""
    last = re.findall(rb"data: (.*)\n\n", stream_of(name))[-1]
    body = msgspec.json.decode(last, type=dict[str, msgspec.Raw])["response"]
    assert unsealed(WIRE.decode_response(bytes(body), {})) == unsealed(collect(decode(stream_of(name))))


def unsealed(answer: Response) -> Response:
    """Encrypted content is made anew for every event; that there is some is all that can be compared."""
    content = [
        msgspec.structs.replace(block, signature="some" if block.signature else None)
        if isinstance(block, Reasoning)
        else block
        for block in answer.content
    ]
    return msgspec.structs.replace(answer, content=tuple(content))


@pytest.mark.parametrize("name", sorted(FAILED & set(STREAMS)))
def test_a_failed_stream_is_an_error_with_the_upstreams_words(name: str, oracle: Any) -> None:
    last = decode(stream_of(name))[-1]
    assert isinstance(last, StreamError)
    assert last.error.message == oracle.canon_fixture(f"responses/{name}")["error"]["message"]


@pytest.mark.parametrize("name", ERRORS)
def test_http_errors(name: str, oracle: Any) -> None:
    expected = oracle.canon_fixture(f"responses/{name}")["error"]
    error = WIRE.decode_error(expected["status"], {}, (FIXTURES / f"{name}.response.json").read_bytes())
    assert error.status == expected["status"]
    assert expected["message"] in error.message
    assert error.code == expected["code"]


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in FAILED])
def test_what_we_emit_passes_the_independent_judge(name: str, oracle: Any) -> None:
    """Decoded and encoded again: our own grammar, and the judge's, both strict."""
    stream = WIRE.stream_encoder(context()).encode(decode(stream_of(name)))
    check(stream)
    assert oracle.validate(stream, "responses") == []
    verdict = oracle.judge(f"responses/{name}", stream, "responses", same=False)
    assert verdict["pass"], verdict["hard"]


@pytest.mark.parametrize("name", ANSWERS)
def test_whole_answers_pass_the_independent_judge(name: str, oracle: Any) -> None:
    answer = WIRE.decode_response((FIXTURES / f"{name}.response.json").read_bytes(), {})
    verdict = oracle.judge(f"responses/{name}", WIRE.encode_response(answer, context()), "responses", same=False)
    assert verdict["pass"], (verdict["hard"], verdict["violations"])


@pytest.mark.parametrize("name", ERRORS)
def test_errors_pass_the_independent_judge(name: str, oracle: Any) -> None:
    status = world.meta(name)["status"]
    error = WIRE.decode_error(status, {}, (FIXTURES / f"{name}.response.json").read_bytes())
    assert isinstance(error, GatewayError)
    status, _, body = WIRE.encode_error(error, "req_1")
    verdict = oracle.judge(f"responses/{name}", body, "responses", status, same=False)
    assert verdict["pass"], verdict["hard"]


def compare(expected: dict[str, Any], answer: Response) -> None:
    content = answer.content
    assert [block.text for block in content if isinstance(block, Text) and block.text] == expected["text"]
    assert "".join(block.text for block in content if isinstance(block, ModelRefusal)) == (expected["refusal"] or "")
    assert [part for block in content if isinstance(block, Reasoning) for part in block.parts] == expected["reasoning"]
    signed = [block for block in content if isinstance(block, Reasoning) and block.signature]
    assert len(signed) == expected["opaque_reasoning"]
    calls = [block for block in content if isinstance(block, ToolCall)]
    assert [(call.id, call.name) for call in calls] == [(call["id"], call["name"]) for call in expected["tool_calls"]]
    assert sum(isinstance(block, HostedCall | Opaque) for block in content) == len(expected["hosted"])
    cited = [citation.url for block in content if isinstance(block, Text) for citation in block.citations]
    assert [url for url in cited if url] == [url for url in expected["citations"] if url.startswith("http")]
    wanted = FinishReason.REFUSAL if expected["refusal"] else FinishReason(expected["finish"])
    assert answer.finish is wanted
    usage = expected["usage"]
    assert answer.usage is not None
    assert answer.usage.input_tokens == usage["input"] and answer.usage.output_tokens == usage["output"]
    assert answer.usage.cached_tokens == usage["cached"] and answer.usage.reasoning_tokens == usage["reasoning"]


def test_finish_comes_last_and_once() -> None:
    for name in STREAMS:
        events = decode(stream_of(name))
        ends = [event for event in events if isinstance(event, Finish | StreamError)]
        assert ends == events[-1:], name
