"""A client that hangs up and asks again: its new request reaches the upstream after the end of the old one."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.departures import Departure, Departures
from daemon.gateway.live_state import LiveState
from daemon.gateway.request_handler import RequestHandler
from daemon.gateway.request_state import RequestState
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from tests.gateway.fakes import HANG, RecordingClient, ScriptedUpstreams, answering
from tests.gateway.test_passthrough import whole
from tests.gateway.test_request_handler import auths, body_of, live_state, request

pytestmark = pytest.mark.asyncio


class Asked:
    """One request in a task of its own."""

    def __init__(self, tasks: asyncio.TaskGroup, live: LiveState, client_request: ClientRequest) -> None:
        self.state: RequestState | None = None
        self.task = tasks.create_task(self._run(live, client_request))

    async def _run(self, live: LiveState, client_request: ClientRequest) -> int:
        self.state = RequestState()
        handler = RequestHandler(live, client_request, RecordingClient(), self.state)
        await handler.run()
        return handler.record.status

    def hang_up(self) -> None:
        assert self.state is not None
        self.state.client_gone()


@pytest.mark.parametrize("same_client", [True, False])
async def test_it_waits_for_the_end_of_its_own_clients_requests_only(same_client: bool) -> None:
    left, closed_before = answering(HANG), []

    class Upstreams(ScriptedUpstreams):
        async def open(self, call: UpstreamCall) -> UpstreamResponse:
            closed_before.append(body_of(left).closed)
            return await super().open(call)

    upstreams = Upstreams(left, answering(whole("chat")))
    live = live_state(upstreams)
    live.adapters = AdapterRegistry(upstreams.open)
    client_request = request("chat", auths("chat", "fox"))
    async with asyncio.TaskGroup() as tasks:
        first = Asked(tasks, live, replace(client_request, headers={"x-api-key": "one"}))
        for _ in range(20):  # it waits for the first event
            await asyncio.sleep(0)
        # In one turn of the loop: the new request's task is made, then the old client is known to have gone.
        other = {"authorization": "Bearer one"} if same_client else {"x-api-key": "two"}
        second = Asked(tasks, live, replace(client_request, headers=other))
        first.hang_up()
    assert (first.task.result(), second.task.result()) == (499, 200)
    assert closed_before == [False, same_client]
    assert not live.departures and not live.router.slots.running(client_request.snapshot.core_auths[0].id)


async def test_an_end_that_takes_too_long_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.gateway.departures.LONGEST", 0.01)
    departures, turn = Departures(), ("client", b"session")
    departure = Departure(departures, turn)
    departure.begin()
    departure.begin()
    await departures.passed(turn, RequestState())
    departure.end()
    assert not departures


async def test_an_end_without_a_hang_up_changes_nothing() -> None:
    departures = Departures()
    Departure(departures, ("client", b"")).end()
    assert not departures
