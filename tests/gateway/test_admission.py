"""``limits.concurrent-requests``: a place each, a short wait in turn, then 429, and nothing is lost on any way out."""

from __future__ import annotations

import asyncio

import pytest

from daemon.errors import LocalError
from daemon.gateway.admission import Admission
from daemon.gateway.request_state import ClientGone, RequestState
from daemon.router.slots import MOST_WAITING

pytestmark = pytest.mark.asyncio


class Waiting:
    """A request that has found no place. ``gone``: its client has hung up."""

    def __init__(self, tasks: asyncio.TaskGroup, admission: Admission, client: str) -> None:
        self.state: RequestState | None = None
        self.gone = False
        self.task = tasks.create_task(self._run(admission, client))

    async def _run(self, admission: Admission, client: str) -> None:
        self.state = RequestState()
        try:
            await admission.enter(client, self.state)
        except ClientGone:
            self.gone = True


@pytest.fixture
def full() -> Admission:
    admission = Admission()
    admission.follow(1)
    assert admission.enter_now()
    return admission


async def queue(tasks: asyncio.TaskGroup, admission: Admission, *clients: str) -> list[Waiting]:
    waiting = [Waiting(tasks, admission, client) for client in clients]
    await asyncio.sleep(0)
    return waiting


async def test_without_a_limit_everybody_has_a_place() -> None:
    admission = Admission()
    assert all(admission.enter_now() for _ in range(1000))
    assert admission.running == 1000


async def test_a_place_goes_to_the_clients_in_turn(full: Admission) -> None:
    order: list[Waiting] = []
    async with asyncio.TaskGroup() as tasks:
        greedy, again, other = await queue(tasks, full, "greedy", "greedy", "other")
        assert not full.enter_now()
        for _ in range(3):
            full.leave()
            await asyncio.sleep(0.001)
            order += [each for each in (greedy, again, other) if each.task.done() and each not in order]
    assert order == [greedy, other, again]
    full.leave()
    assert (full.running, full.waiting) == (0, 0)


async def test_who_waits_in_vain_is_refused_and_leaves_the_queue(
    full: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.gateway.admission.PATIENCE", 0.01)
    with pytest.raises(LocalError, match=r"limits\.concurrent-requests") as refused:
        await full.enter("one", RequestState())
    assert (refused.value.status, refused.value.retry_after, full.waiting) == (429, 1.0, 0)


async def test_beyond_the_queue_nobody_waits(full: Admission) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = await queue(tasks, full, *map(str, range(MOST_WAITING)))
        with pytest.raises(LocalError):
            await full.enter("late", RequestState())
        for each in waiting:
            each.task.cancel()
    assert (full.running, full.waiting) == (1, 0)


@pytest.mark.parametrize("has_place", [False, True], ids=["waiting", "just given a place"])
@pytest.mark.parametrize("gone", [True, False], ids=["hang-up", "stop"])
async def test_who_leaves_the_queue_leaves_nothing_behind(full: Admission, has_place: bool, gone: bool) -> None:
    async with asyncio.TaskGroup() as tasks:
        (first,) = await queue(tasks, full, "one")
        if has_place:
            full.leave()
        assert first.state is not None
        if gone:
            first.state.client_gone()
        else:
            first.task.cancel()
    assert (first.gone, first.task.cancelled()) == (gone, not gone)
    assert (full.running, full.waiting) == (0 if has_place else 1, 0)


async def test_a_higher_limit_lets_the_next_ones_in_and_none_lets_all_in(full: Admission) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = await queue(tasks, full, "one", "two", "three")
        full.follow(2)
        await asyncio.sleep(0.001)
        assert [each.task.done() for each in waiting] == [True, False, False]
        full.follow(0)
    assert full.running == 4
