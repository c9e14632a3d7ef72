"""An answer that is complete ends, whatever its upstream does afterwards: without the mark of its end, without a
connection that ends, with heartbeats, with garbage. On the chat wire alone the end has several words."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.http.call import GRACE
from tests.gateway.fakes import HANG, answering
from tests.gateway.test_passthrough import chunk, frames, whole
from tests.gateway.test_request_handler import Run, body_of

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("undrained")]

ENTRIES = ["messages", "responses", "chat"]
ENDS = {"messages": b"message_stop", "responses": b'"response.completed"', "chat": b"data: [DONE]"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


@pytest.fixture
def undrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies without an end are not waited for."""
    monkeypatch.setattr("daemon.upstream.http.call.DRAIN", 0.0)


def sent(*events: dict[str, Any]) -> bytes:
    return frames("chat", *events, done=False)


def delta(content: str = "", finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return chunk("c", {"content": content} if content else {}, finish_reason=finish) | fields


COUNTS = chunk("c", {}) | {"choices": [], "usage": USAGE}
ZEROS = {"prompt_tokens": 11, "completion_tokens": 0, "total_tokens": 11}
HEARTBEAT, EMPTY = b": still here\n\n", sent(delta())
SAID = sent(delta("hello"), delta(finish="stop"))
COUNTED = SAID + sent(COUNTS)

# What comes, and for what is waited afterwards.
WAITS: list[tuple[str, list[bytes], str]] = [
    ("the finish_reason", [SAID], "said"),
    ("and the usage", [COUNTED], "counted"),
    ("piece by piece", [SAID[:-40], SAID[-40:], sent(COUNTS)], "counted"),
    ("the usage with the finish_reason", [sent(delta("hello"), delta(finish="stop", usage=USAGE))], "counted"),
    ("the usage before it", [sent(delta("hello"), COUNTS, delta(finish="stop"))], "counted"),
    ("usage that is not known yet", [sent(delta("hello"), delta(finish="stop", usage=ZEROS))], "said"),
    ("all in one chunk, as of an answer that goes on", [sent(delta("hello", "stop", usage=USAGE))], "said"),
    ("content behind it", [sent(delta("hel", "stop")), sent(delta("lo", "stop"))], "doubted"),
]


@pytest.mark.parametrize(("pieces", "ending"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "JSON"])
@pytest.mark.parametrize("entry", ENTRIES)
async def test_an_upstream_that_stays_connected(entry: str, stream: bool, pieces: list[bytes], ending: Any) -> None:
    """Its answer ends well when the grace is over; heartbeats of any kind do not make that longer."""
    noise = [] if ending == "doubted" else [HEARTBEAT, EMPTY, HEARTBEAT]
    answer = answering(*pieces, *noise, HANG)
    run = Run(answer, entry=entry, stream=stream)
    begun = monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while body_of(answer).left > 1:
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun + GRACE[ending] <= run.state.deadline <= monotonic() + GRACE[ending]
        run.state.expire()  # as ``Deadlines`` does then
    assert (run.handler.record.status, run.asked) == (200, ["fox"])
    assert b"hello" in run.client.body or (b"hel" in run.client.body and b"lo" in run.client.body)
    assert b"error" not in run.client.body.replace(b'"error":null', b"")
    if stream:
        assert ENDS[entry] in run.client.body
    assert run.handler.record.usage is None or run.handler.record.usage.output_tokens in (0, 3)


def failure() -> RemoteError:
    return RemoteError(ErrorKind.API, "the connection broke", reason="cut")


TAILS: list[tuple[str, list[bytes | Exception]]] = [
    ("a connection that breaks", [failure()]),
    ("an error of the relay", [sent({"error": {"message": "no credit", "type": "billing"}})]),
    ("half an event", [b'data: {"choices":[{"del']),
    ("what is no JSON", [b"data: <html>\n\n", b"data: [1]\n\n", b"data: bye\n\n"]),
    ("a finish_reason that says broken off", [sent(delta(finish="error"))]),
]


@pytest.mark.parametrize("tail", [row[1] for row in TAILS], ids=[row[0] for row in TAILS])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "JSON"])
@pytest.mark.parametrize("entry", ENTRIES)
async def test_nothing_behind_a_complete_answer_fails_it(
    entry: str, stream: bool, tail: list[bytes | Exception]
) -> None:
    for answer in (SAID, COUNTED):
        run = await Run(answering(answer, *tail), entry=entry, stream=stream)()
        assert (run.handler.record.status, run.asked) == (200, ["fox"])
        assert b"hello" in run.client.body and b"credit" not in run.client.body
        assert not stream or ENDS[entry] in run.client.body


@pytest.mark.parametrize("entry", ENTRIES)
async def test_an_answer_that_ended_by_the_way_may_still_fail(entry: str) -> None:
    """Gemini's relays write ``stop`` into each chunk: behind that an error is one of the answer's."""
    early = sent(delta("hel", "stop"), {"error": {"message": "overloaded"}})
    run = await Run(answering(early), answering(early), entry=entry)()
    assert ENDS[entry] not in run.client.body and b"overloaded" in run.client.body


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "JSON"])
@pytest.mark.parametrize("wire", ["messages", "responses"])
async def test_the_other_wires_end_with_one_word(wire: str, stream: bool) -> None:
    run = await Run(answering(whole(wire), HANG), entry=wire, wire=wire, stream=stream)()
    assert run.handler.record.status == 200
