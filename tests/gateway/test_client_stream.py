"""Two tasks write to one client, the request's own and the keep-alive's; neither into the other's event."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic

import pytest

from daemon.gateway.client_stream import STALL, STALLED, ClientWriter, ResponseHead
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.request_state import RequestState
from tests.gateway.client_requests import client_request
from tests.gateway.fakes import RecordingClient

pytestmark = pytest.mark.asyncio


class World:
    """A client that waits, and the writer to it. ``reading`` of the client says when its socket takes more."""

    def __init__(self) -> None:
        self.client = RecordingClient()
        self.state = RequestState()
        self.state.quiet_since = monotonic()
        self.writer = ClientWriter(self.client, self.state, lambda: ResponseHead(provider="fox", attempts=1))
        self.pipe = PassthroughPipe(client_request("messages"), ReasoningOwners())
        self.keep_alive = PassthroughPipe(client_request("messages"), ReasoningOwners()).keep_alive()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_write_says_whom_is_waited_for() -> None:
    world = World()
    world.client.reading.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(world.writer.write(b"x", 7.0))
        await settle()
        overdue = world.state.overdue
        assert world.state.deadline == pytest.approx(monotonic() + STALL, abs=5)
        world.client.reading.set()
    assert (overdue, world.state.overdue) == (STALLED, None)
    assert world.state.deadline == pytest.approx(monotonic() + 7.0, abs=5)
    assert (world.client.head.provider, world.client.body) == ("fox", b"x")


async def test_a_keep_alive_is_dropped_while_the_request_writes() -> None:
    world = World()
    world.client.reading.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(world.writer.write(b"x", 7.0))
        await settle()
        await world.writer.keep_alive(world.pipe)
        world.client.reading.set()
    assert world.client.body == b"x"


@pytest.mark.parametrize("last", [False, True], ids=["a piece", "the last piece"])
async def test_the_request_waits_for_a_keep_alive_that_has_begun(last: bool) -> None:
    world = World()
    world.client.reading.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(world.writer.keep_alive(world.pipe))
        await settle()
        tasks.create_task(world.writer.end(b"x") if last else world.writer.write(b"x", 7.0))
        tasks.create_task(world.writer.keep_alive(world.pipe))
        await settle()
        assert b"x" not in world.client.body
        world.client.reading.set()
    assert world.client.body == world.keep_alive + b"x"


async def test_after_the_end_no_keep_alive_is_sent() -> None:
    world = World()
    await world.writer.end(b"x")
    await world.writer.keep_alive(world.pipe)
    assert (world.client.body, world.client.ended, world.state.quiet_since) == (b"x", True, inf)
