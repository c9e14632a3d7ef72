"""A burst is taken as one, the newest wins, and callers that wait at the same time are taken together."""

from __future__ import annotations

import asyncio

import pytest

from daemon.reload.mailbox import Mailbox, answer
from daemon.reload.outcome import outcome_of
from daemon.sources.base import Update


def update(source: str, order: int) -> Update:
    return Update(source=source, raw=b"", digest=str(order), order=order)


@pytest.mark.asyncio
async def test_the_newest_of_each_source_is_taken_once() -> None:
    mailbox = Mailbox()
    for order in range(1000):
        mailbox.put(update("file", order))
    mailbox.put(update("store", 7))
    mailbox.put(update("store", 6))  # an older one that comes late
    await mailbox.wait()
    updates, requests = mailbox.take()
    assert [(each.source, each.order) for each in updates] == [("file", 999), ("store", 7)]
    assert requests == ()
    assert mailbox.take() == ((), ())


@pytest.mark.asyncio
async def test_waiting_ends_by_an_update_or_by_a_request() -> None:
    mailbox = Mailbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mailbox.wait()
    answers = [mailbox.request(reason) for reason in ("SIGHUP", "management")]
    await mailbox.wait()
    updates, requests = mailbox.take()
    assert (updates, [each.reason for each in requests]) == ((), ["SIGHUP", "management"])
    answers[0].cancel()
    answer(requests, outcome := outcome_of(None, (), "SIGHUP", ok=False))
    assert await answers[1] is outcome
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mailbox.wait()
