"""How a wait is broken off, and who keeps the time."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from daemon.errors import ErrorKind, LocalError, RemoteError
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.request_state import ClientGone, Overdue, RequestState

LATE = Overdue("late")
STOPPING = LocalError(ErrorKind.OVERLOADED, "stopping")


async def nothing() -> None:
    return


@pytest.mark.asyncio
async def test_an_interrupt_ends_the_current_wait_with_its_reason() -> None:
    state = RequestState()
    asyncio.get_running_loop().call_soon(state.interrupt, ClientGone())
    with pytest.raises(ClientGone):
        async with state.waiting():
            await asyncio.Event().wait()


@pytest.mark.asyncio
async def test_an_interrupt_between_two_waits_ends_the_next() -> None:
    state = RequestState()
    state.interrupt(ClientGone())
    with pytest.raises(ClientGone):
        async with state.waiting():
            pytest.fail("a client that has gone is not waited for")


@pytest.mark.asyncio
async def test_an_attempt_ends_at_its_limit_though_each_wait_is_short() -> None:
    state, clock, loop = RequestState(), Deadlines(tick=0.005), asyncio.get_running_loop()
    clock.enter(state, nothing)
    state.ends, state.too_long = loop.time() - 1, LATE
    state.deadline, state.overdue = loop.time() + 1000, Overdue("next event")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(clock.run())
        with pytest.raises(RemoteError, match="late"):
            async with state.waiting():
                await asyncio.Event().wait()
        assert state.ends == inf, "the next attempt has its own"
        running.cancel()


@pytest.mark.asyncio
async def test_a_complete_answer_ends_its_wait_and_nothing_else() -> None:
    """The request goes on in the same ``waiting``, where a client that has gone still counts."""
    state, clock, loop = RequestState(), Deadlines(tick=0.005), asyncio.get_running_loop()
    clock.enter(state, nothing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(clock.run())
        async with state.waiting():
            assert not state.has_ended()
            for _ in range(2):
                state.ends_by(loop.time())
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.Event().wait()
                assert state.has_ended() and not state.has_ended()
            await asyncio.sleep(0)
        running.cancel()


@pytest.mark.asyncio
async def test_a_client_that_goes_as_its_answer_ends_has_gone() -> None:
    state = RequestState()
    with pytest.raises(ClientGone):
        async with state.waiting():
            state.ends_by(0.0)
            state.expire()
            state.interrupt(ClientGone())
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                assert not state.has_ended()
                raise


@pytest.mark.asyncio
async def test_a_task_that_is_cancelled_as_its_answer_ends_is_cancelled() -> None:
    state, task = RequestState(), asyncio.current_task()
    assert task is not None
    with pytest.raises(asyncio.CancelledError):
        async with state.waiting():
            state.ends_by(0.0)
            state.expire()
            task.cancel()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                assert not state.has_ended()
                raise
    assert task.cancelling() == 0


@pytest.mark.asyncio
async def test_the_first_reason_stands() -> None:
    state = RequestState()
    state.interrupt(ClientGone())
    state.interrupt(STOPPING)
    with pytest.raises(ClientGone):
        async with state.waiting():
            pass


@pytest.mark.asyncio
async def test_a_timeout_of_something_else_is_not_ours() -> None:
    with pytest.raises(TimeoutError):
        async with RequestState().waiting():
            raise TimeoutError


@pytest.mark.asyncio
async def test_the_sweep_ends_what_is_overdue_and_the_next_attempt_may_wait_again() -> None:
    state, sweep, loop = RequestState(), Deadlines(tick=0.005), asyncio.get_running_loop()
    sweep.enter(state, nothing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sweep.run())
        for _ in range(2):
            state.deadline, state.overdue = loop.time(), LATE
            with pytest.raises(RemoteError, match="late"):
                async with state.waiting():
                    await asyncio.Event().wait()
        running.cancel()


@pytest.mark.asyncio
async def test_the_sweep_keeps_quiet_clients_alive_once_per_period() -> None:
    state, sweep = RequestState(), Deadlines(tick=0.005, keep_alive_after=0.02)
    sent = asyncio.Event()

    async def keep_alive() -> None:
        sent.set()

    sweep.enter(state, keep_alive)
    state.quiet_since = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sweep.run())
        async with asyncio.timeout(5):
            await sent.wait()
        running.cancel()
    assert state.quiet_since != inf


@pytest.mark.asyncio
async def test_the_stop_reaches_every_running_request() -> None:
    sweep, exchanges = Deadlines(), [RequestState(), RequestState()]
    for state in exchanges:
        sweep.enter(state, nothing)
    sweep.interrupt_all(STOPPING)
    for state in exchanges:
        with pytest.raises(LocalError, match="stopping"):
            async with state.waiting():
                await asyncio.Event().wait()
    sweep.leave(exchanges[0])
    assert len(sweep) == 1
