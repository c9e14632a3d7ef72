"""The audit log: numbered events, a bounded ring, followers that never hold up the publisher."""

from __future__ import annotations

import asyncio

import pytest

from daemon.telemetry.audit import AuditEvent, AuditLog, Subscription


def log(capacity: int = 1000, at: float = 1.0) -> AuditLog:
    return AuditLog(capacity=capacity, clock=lambda: at)


async def take(events: Subscription, n: int) -> list[AuditEvent]:
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(n)]


def test_ids_rise_by_one_from_the_clock() -> None:
    audit = log(at=2.0)
    audit.publish("reload", "config reloaded", generation=7)
    audit.publish("reload", "config reloaded", generation=8)
    assert [(event.id, event.fields) for event in audit.recent(10)] == [
        (2000, {"generation": 7}),
        (2001, {"generation": 8}),
    ]


def test_recent_gives_the_newest_oldest_first_and_no_more_than_the_ring() -> None:
    audit = log(capacity=3)
    for number in range(5):
        audit.publish("n", str(number))
    assert [event.message for event in audit.recent(2)] == ["3", "4"]
    assert [event.message for event in audit.recent(99)] == ["2", "3", "4"]


@pytest.mark.asyncio
async def test_a_follower_sees_what_comes_and_not_what_was() -> None:
    audit = log()
    audit.publish("n", "before")
    events = audit.subscribe(None)
    audit.publish("n", "after")
    assert [event.message for event in await take(events, 1)] == ["after"]


@pytest.mark.asyncio
async def test_a_waiting_follower_is_woken() -> None:
    audit = log()
    events = audit.subscribe(None)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(take(events, 1))
        await asyncio.sleep(0)
        audit.publish("n", "now")
    assert waiting.result()[0].message == "now"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "after, replayed",
    [(1000, ["1", "2"]), (1002, []), (999, ["0", "1", "2"]), (5, ["0", "1", "2"]), (7777, ["0", "1", "2"])],
    ids=["within", "newest", "just before", "earlier life", "later than all"],
)
async def test_replay_after_an_id(after: int, replayed: list[str]) -> None:
    audit = log()
    for number in range(3):
        audit.publish("n", str(number))
    events = audit.subscribe(after)
    audit.publish("n", "new")
    assert [event.message for event in await take(events, len(replayed) + 1)] == [*replayed, "new"]


@pytest.mark.asyncio
async def test_a_slow_follower_is_told_what_it_missed_and_goes_on() -> None:
    audit = log(capacity=3)
    events = audit.subscribe(None)
    for number in range(10):
        audit.publish("n", str(number))
    notice, *rest = await take(events, 4)
    assert (notice.kind, notice.fields) == ("dropped", {"dropped": 7})
    assert [event.message for event in rest] == ["7", "8", "9"]
    assert notice.id == rest[0].id - 1


@pytest.mark.asyncio
async def test_giving_up_on_a_wait_loses_nothing() -> None:
    audit = log()
    events = audit.subscribe(None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(events)
    audit.publish("n", "kept")
    assert (await take(events, 1))[0].message == "kept"


@pytest.mark.asyncio
async def test_close_ends_followers_after_the_last_event() -> None:
    audit = log()
    events = audit.subscribe(None)
    audit.publish("n", "last")
    audit.close()
    assert [event.message async for event in events] == ["last"]


@pytest.mark.asyncio
async def test_a_follower_that_is_let_go_is_forgotten() -> None:
    audit = log()
    events = audit.subscribe(None)
    del events
    assert not audit._followers


def test_no_value_makes_an_event_long() -> None:
    log = AuditLog()
    log.publish("reload", "m" * 2_000_000, reason="r" * 2_000_000, generation=7)
    (event,) = log.recent(1)
    assert len(event.message) < 9000
    assert len(str(event.fields)) < 3000
    assert event.fields["generation"] == 7
