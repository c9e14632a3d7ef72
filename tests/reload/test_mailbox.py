"""A burst is taken as one, the newest wins, and the bell needs no letter."""

from __future__ import annotations

import asyncio

import pytest

from daemon.reload.mailbox import Mailbox
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
    assert [(each.source, each.order) for each in mailbox.take()] == [("file", 999), ("store", 7)]
    assert mailbox.take() == ()


@pytest.mark.asyncio
async def test_waiting_ends_by_an_update_or_by_the_bell() -> None:
    mailbox = Mailbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mailbox.wait()
    mailbox.ring()
    await mailbox.wait()
    assert mailbox.take() == ()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mailbox.wait()
