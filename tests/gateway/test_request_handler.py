"""One request from its client to the upstreams and back, with both ends played."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterable
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.config.schema import ModelEntry
from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.attempts import SIGNS_OF_LIFE
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientWriter
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.live_state import LiveState
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.request_handler import RequestHandler
from daemon.gateway.request_record import CLIENT_GONE, RequestRecord
from daemon.gateway.request_state import ClientGone, RequestState
from daemon.gateway.translation import TranslationPipe
from daemon.router.states import AuthStates
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.models import registry
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamResponse
from tests.gateway.client_requests import client_request
from tests.gateway.fakes import HANG, RecordingClient, ScriptedBody, ScriptedUpstreams, answering
from tests.gateway.test_passthrough import frames, opening, read, text, whole
from tests.router.auths import core_auth

pytestmark = pytest.mark.asyncio

WIRES = ["messages", "responses", "chat"]
MODELS = (ModelEntry(name="gpt-5", alias="asked-for"),)


def auths(wire: str, *names: str) -> list[CoreAuth]:
    return [core_auth(name, wire=wire, models=MODELS) for name in names]


PER_REQUEST = (RequestHandler, ClientWriter, ClientRequest, RequestRecord, PassthroughPipe, TranslationPipe)


def down() -> RemoteError:
    return RemoteError(ErrorKind.API, "down")


class Run:
    """One request of ``entry`` to fox and wolf, which speak ``wire`` and do what ``script`` says."""

    def __init__(
        self,
        *script: UpstreamResponse | RemoteError | None,
        entry: str = "chat",
        wire: str = "chat",
        live: LiveState | None = None,
        stream: bool = True,
        **body: Any,
    ) -> None:
        self.upstreams = ScriptedUpstreams(*script)
        self.client = RecordingClient()
        self.live = live or live_state(self.upstreams)
        self.live.adapters = AdapterRegistry(self.upstreams.open)
        self.request = request(entry, auths(wire, "fox", "wolf"), stream=stream, **body)

    async def __call__(self) -> Run:
        self.state = RequestState()
        self.handler = RequestHandler(self.live, self.request, self.client, self.state)
        await self.handler.run()
        assert self.client.ended or self.handler.record.status == CLIENT_GONE
        assert len(self.live.deadlines) == 0
        return self

    @property
    def asked(self) -> list[str]:
        """The providers that were asked, by the keys they got."""
        keys = [call.headers.get("x-api-key") or call.headers["authorization"] for call in self.upstreams.calls]
        return [key.rpartition("sk-")[2] for key in keys]

    def sent(self, number: int) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.upstreams.calls[number].body)
        return body


def live_state(upstreams: ScriptedUpstreams) -> LiveState:
    return LiveState(
        adapters=AdapterRegistry(upstreams.open), states=AuthStates(), metrics=Metrics(), deadlines=Deadlines()
    )


def request(entry: str, core_auths: Iterable[CoreAuth], **body: Any) -> ClientRequest:
    asked = client_request(entry, {"model": "asked-for", "messages": [], "input": []} | body, include_usage=True)
    snapshot = replace(asked.snapshot, core_auths=tuple(core_auths), models=registry(list(core_auths), ()))
    return replace(asked, snapshot=snapshot, started=monotonic())


def body_of(answer: UpstreamResponse) -> ScriptedBody:
    body = answer._body
    assert isinstance(body, ScriptedBody)
    return body


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", WIRES)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fails", [0, 1, 2])
async def test_what_a_request_held_is_freed_without_the_collector(
    entry: str, wire: str, stream: bool, fails: int
) -> None:
    """The daemon rarely collects: a request in a cycle keeps its body until then (27 MiB more, 2026-11)."""

    async def one() -> None:
        upstreams = ScriptedUpstreams(*[down() for _ in range(fails)], answering(whole(wire)))
        live.adapters = AdapterRegistry(upstreams.open)
        client_request = request(entry, auths(wire, "fox", "wolf"), stream=stream)
        await RequestHandler(live, client_request, RecordingClient(), RequestState()).run()

    live = live_state(ScriptedUpstreams())
    await one()  # what is made once stays
    gc.disable()
    gc.freeze()  # what is there already, of other tests too, is not looked through
    try:
        await one()
        after = [each for each in gc.get_objects() if isinstance(each, PER_REQUEST)]
    finally:
        gc.unfreeze()
        gc.enable()
    assert [type(each).__name__ for each in after] == []


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", WIRES)
async def test_an_answer_reaches_the_client_and_the_books(entry: str, wire: str) -> None:
    run = await Run(answering(whole(wire)), entry=entry, wire=wire)()
    record = run.handler.record
    assert b"hello" in run.client.body
    assert (run.client.head.provider, run.client.head.attempts) == ("fox", 1)
    assert record.usage is not None and (record.status, record.usage.input_tokens) == (200, 11)
    assert (run.live.states.view(record.auth.id if record.auth else "").succeeded) == 1


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", WIRES)
@pytest.mark.parametrize("events", [0, 1])
async def test_an_upstream_that_dies_before_its_first_content_is_replaced_unseen(
    entry: str, wire: str, events: int
) -> None:
    dying = answering(frames(wire, *opening(wire)[:events], done=False) or down(), down())
    run = await Run(dying, answering(whole(wire)), entry=entry, wire=wire)()
    plain = await Run(answering(whole(wire)), entry=entry, wire=wire)()
    assert run.client.body == plain.client.body
    assert (run.client.head.provider, run.client.head.attempts) == ("wolf", 2)
    assert body_of(dying).closed


async def test_a_connection_that_fails_is_a_failed_attempt_like_any_other() -> None:
    run = await Run(down(), answering(whole("chat")))()
    assert (run.asked, run.handler.record.status) == (["fox", "wolf"], 200)
    assert (run.live.states.view("tppc:fox:0123456789ab").failed) == 1


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", WIRES)
async def test_after_the_first_content_a_failure_ends_the_stream(entry: str, wire: str) -> None:
    begun = frames(wire, *opening(wire), *text(wire, "hello")[:3], done=False)
    run = await Run(answering(begun, down()), entry=entry, wire=wire)()
    assert run.asked == ["fox"]
    assert b"hello" in run.client.body and "down" in json.dumps(read(run.client.body)[-1])
    record = run.handler.record
    assert record.error is not None and (record.status, record.error.kind) == (502, ErrorKind.API)


async def test_a_client_that_asked_for_no_stream_gets_the_second_upstreams_answer_even_then() -> None:
    """It has seen nothing of the first."""
    begun = frames("chat", *opening("chat"), *text("chat", "half"), done=False)
    run = await Run(answering(begun, down()), answering(whole("chat")), entry="messages", stream=False)()
    assert (run.asked, run.client.status) == (["fox", "wolf"], 200)
    assert json.loads(run.client.body)["content"] == [{"type": "text", "text": "hello"}]


async def test_when_all_have_failed_the_last_failure_is_the_answer() -> None:
    run = await Run(down(), RemoteError(ErrorKind.OVERLOADED, "too many"))()
    assert run.client.status == run.handler.record.status == 503
    assert json.loads(run.client.body)["error"]["message"].startswith("too many")
    assert (run.client.head.provider, run.client.head.attempts) == ("wolf", 2)


async def test_a_model_that_nobody_serves_is_refused_without_asking_anybody() -> None:
    run = Run()
    run.request = replace(run.request, request=replace(run.request.request, model="gpt-7"))
    await run()
    assert (run.client.status, run.client.head.attempts, run.upstreams.calls) == (404, 0, [])


async def test_without_any_provider_in_service_it_is_503_and_says_when_to_try_again() -> None:
    run = Run()
    run.request = request("chat", (), stream=True)
    await run()
    assert (run.client.status, run.client.head.attempts, run.upstreams.calls) == (503, 0, [])
    assert run.client.headers["retry-after"] == "30"


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "in the answer"])
async def test_a_client_that_hangs_up_ends_its_upstreams_work(begun: bool) -> None:
    pieces = [frames("chat", *opening("chat"), *text("chat", "hello"), done=False)] if begun else []
    answer = answering(*pieces, HANG)
    run = Run(answer)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.upstreams.calls or (begun and not run.client.body):
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        run.state.interrupt(ClientGone())
    assert run.handler.record.status == CLIENT_GONE
    assert body_of(answer).closed and run.asked == ["fox"]


async def test_an_upstream_that_says_nothing_is_given_up_for_the_next_one() -> None:
    run = Run(HANG, answering(whole("chat")))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.upstreams.calls:
            await asyncio.sleep(0)
        timeouts = auths("chat", "fox")[0].timeouts
        assert run.state.deadline == pytest.approx(monotonic() + timeouts.first_event, abs=5)
        run.state.expire()  # as ``Deadlines`` does when that has passed
    assert (run.asked, run.handler.record.status) == (["fox", "wolf"], 200)


class SlowBody(ScriptedBody):
    """Each piece comes ten seconds after the one before it, by a clock that a test has set."""

    def __init__(self, clock: list[float], pieces: Iterable[bytes | None]) -> None:
        super().__init__(pieces)
        self.clock = clock

    async def read(self) -> bytes:
        self.clock[0] += 0 if self.ended else 10
        return await super().read()


COMMENT, UNREADABLE, PING = b": still here\n\n", b"data: ping\n\n", b'event: ping\ndata: {"type":"ping"}\n\n'
WAITS: list[tuple[tuple[bytes, ...], str, int, int]] = [
    ((COMMENT, COMMENT), "first event", 0, 1),
    ((UNREADABLE, UNREADABLE), "first event", 0, 1),
    ((PING, PING), "first event", 0, 1),
    ((b"opening",), "next event", 10, 1),
    ((b"opening", UNREADABLE, UNREADABLE), "next event", 10, 1),
    ((b"opening", COMMENT, UNREADABLE), "next event", 20, 1),
    ((b"opening", UNREADABLE, COMMENT), "next event", 30, 1),
    ((b"opening", b"da"), "next event", 20, 1),
    ((b"opening", *[COMMENT] * 150), "next event", 10, SIGNS_OF_LIFE),
    ((b"opening", *[COMMENT] * 150, b"text"), "next event", 1520, 1),
]
"""What comes, ten seconds apart; for what is waited afterwards, from when on, for how many times the limit."""


@pytest.mark.parametrize(
    ("pieces", "awaited", "since", "times"), WAITS, ids=[str(number) for number in range(len(WAITS))]
)
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", ["chat", "messages"])
async def test_the_deadlines_count_events_that_go_on_with_the_answer(
    monkeypatch: pytest.MonkeyPatch,
    entry: str,
    wire: str,
    pieces: tuple[bytes, ...],
    awaited: str,
    since: int,
    times: int,
) -> None:
    clock = [0.0]
    for module in ("attempts", "client_stream"):
        monkeypatch.setattr(f"daemon.gateway.{module}.monotonic", lambda: clock[0])
    monkeypatch.setattr("daemon.upstream.http.call.DRAIN", 0.0)  # the body has no end to wait for
    events = {
        b"opening": frames(wire, *opening(wire), done=False),
        b"text": frames(wire, *text(wire, "b"), done=False),
    }
    body = SlowBody(clock, [*(events.get(piece, piece) for piece in pieces), HANG])
    run = Run(UpstreamResponse(200, {"content-type": "text/event-stream"}, body, "up.example"), entry=entry, wire=wire)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while clock[0] < 10 * (len(pieces) + 1):
            await asyncio.sleep(0)
        timeouts = auths(wire, "fox")[0].timeouts
        limit = timeouts.first_event if awaited == "first event" else timeouts.idle
        assert run.state.overdue is not None and awaited in run.state.overdue.message
        assert run.state.deadline == since + times * limit
        run.state.interrupt(ClientGone())


async def test_a_client_that_stops_reading_is_not_answered_by_another_upstream() -> None:
    run = Run(answering(frames("chat", *opening("chat"), *text("chat", "hello"), done=False), HANG))
    run.client.reading.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.client.started:
            await asyncio.sleep(0)
        run.client.reading.set()
        run.state.expire()
    assert run.asked == ["fox"]
    assert "has read nothing for 60 s" in run.client.body.decode()


REFUSAL = json.dumps({"error": {"message": "Unsupported parameter: top_p", "type": "invalid_request_error"}}).encode()


def refusing() -> UpstreamResponse:
    return answering(REFUSAL, status=400, content_type="application/json")


async def test_what_an_upstream_refuses_is_left_out_and_it_is_asked_again() -> None:
    run = await Run(refusing(), answering(whole("chat")), top_p=0.5)()
    assert run.asked == ["fox", "fox"]
    assert [run.sent(number).get("top_p") for number in (0, 1)] == [0.5, None]
    assert (run.client.status, run.client.head.lost) == (200, ("top_p",))


async def test_what_has_helped_is_left_out_from_the_start_next_time() -> None:
    first = await Run(refusing(), answering(whole("chat")), top_p=0.5)()
    second = Run(answering(whole("chat")), live=first.live, top_p=0.7)
    second.request = request("chat", auths("chat", "fox"), stream=True, top_p=0.7)
    await second()
    assert (second.asked, "top_p" in second.sent(0)) == (["fox"], False)


async def test_a_refusal_that_stays_teaches_nothing() -> None:
    run = await Run(refusing(), refusing(), top_p=0.5)()
    assert (run.client.status, len(run.live.learned)) == (400, 0)


async def test_what_follows_the_last_event_is_read_so_that_the_connection_can_be_used_again() -> None:
    answer = answering(whole("chat"), b": the end\n\n")
    await Run(answer)()
    assert body_of(answer).ended and body_of(answer).closed


async def test_estimates_learn_from_the_first_guess_and_not_from_the_corrected_one() -> None:
    """Else each correction would be measured against itself."""
    run = await Run(answering(whole("chat")))()  # 7 were estimated, 11 counted
    for _ in range(60):
        await Run(answering(whole("chat")), live=run.live)()
    assert run.live.calibration.corrected("gpt-5", 7000) == pytest.approx(11_000, rel=0.05)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", WIRES)
async def test_a_keep_alive_before_the_answer_leaves_the_stream_valid(entry: str, wire: str) -> None:
    run = Run(None, answering(whole(wire)), entry=entry, wire=wire)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.upstreams.calls:
            await asyncio.sleep(0)
        await run.handler.keep_alive()
        assert run.client.started and run.client.body
        run.state.expire()
    assert run.asked == ["fox", "wolf"]
    assert b"hello" in run.client.body
    if entry == "messages":
        assert [event["type"] for event in read(run.client.body)].count("message_start") == 1


@pytest.mark.parametrize(("commits", "events"), [(True, 1), (False, 0)])
async def test_the_first_event_is_what_the_client_gets_of_the_answer(commits: bool, events: int) -> None:
    """A keep-alive and what is held back are none. The upstream's is counted from the attempt that answered."""
    announced = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    text = b'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
    run = Run(down(), answering(announced, *[text] * commits, HANG))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while len(run.upstreams.calls) < 2 or run.handler.record.upstream_first is None:
            await asyncio.sleep(0)
        record = run.handler.record
        await run.handler.keep_alive()
        while commits and b"hello" not in run.client.body:
            await asyncio.sleep(0)
        assert run.client.body and (record.first_event is not None) == commits
        assert record.client_request.started < record.asked_at <= (record.upstream_first or 0.0)
        run.state.interrupt(ClientGone())
    shown = run.live.metrics.exposition().decode()
    assert f'tppcd_request_first_event_seconds_count{{entry="chat",provider="wolf"}} {events}.0' in shown


async def test_a_fault_of_ours_is_in_the_log_as_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: RequestHandler) -> None:
        raise KeyError("of ours")

    monkeypatch.setattr(RequestHandler, "_follow_plan", broken)
    run = Run()
    with pytest.raises(KeyError):
        await run()
    assert run.handler.record.status == 500
    shown = run.live.metrics.exposition().decode()
    assert 'tppcd_requests_total{entry="chat",provider="",status="500"} 1.0' in shown
    assert 'tppcd_request_failures_total{cause="gateway",entry="chat"} 1.0' in shown
