"""What waits for the reloader: each source's newest update, what upstreams list, and whoever asked for a reload.

A burst of a thousand updates is taken as one, and callers that wait at the same time share one reload.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from daemon.config.document import Document
from daemon.reload.outcome import ReloadOutcome
from daemon.snapshot.listings import Lists
from daemon.sources.base import Update


class ReloadRequest(Struct, eq=False):
    """``reason`` says who asks; ``written`` is what the caller has just written into config.yaml, parsed; ``source``
    is the name of the one source that is to be read, empty for all."""

    reason: str
    answer: asyncio.Future[ReloadOutcome]
    written: Document | None = None
    source: str = ""


class Mailbox:
    """``put``, ``put_lists`` and ``request`` never block; ``wait`` returns once one was called; one taker."""

    def __init__(self) -> None:
        self._newest: dict[str, Update] = {}
        self._lists: Lists | None = None
        self._requests: list[ReloadRequest] = []
        self._wake = asyncio.Event()

    def put(self, update: Update) -> None:
        """Keeps the update unless a newer one of its source is waiting already."""
        waiting = self._newest.get(update.source)
        if waiting is None or update.order >= waiting.order:
            self._newest[update.source] = update
        self._wake.set()

    def put_lists(self, lists: Lists) -> None:
        """Keeps what upstreams list, all of it, in place of what was put before."""
        self._lists = lists
        self._wake.set()

    def request(self, reason: str, written: Document | None = None, source: str = "") -> asyncio.Future[ReloadOutcome]:
        """Asks for a reload; the future gets its outcome."""
        answer: asyncio.Future[ReloadOutcome] = asyncio.get_running_loop().create_future()
        self._requests.append(ReloadRequest(reason, answer, written, source))
        self._wake.set()
        return answer

    async def wait(self) -> None:
        await self._wake.wait()

    def take(self) -> tuple[tuple[Update, ...], tuple[ReloadRequest, ...]]:
        """What has arrived: each source's newest update in order of arrival, and the requests."""
        updates, requests = tuple(self._newest.values()), tuple(self._requests)
        self._newest.clear()
        self._requests.clear()
        self._wake.clear()
        return updates, requests

    def take_lists(self) -> Lists | None:
        """What upstreams list, if that was put since the last time."""
        lists, self._lists = self._lists, None
        return lists


def answer(requests: tuple[ReloadRequest, ...], outcome: ReloadOutcome) -> None:
    """Answers the callers that have not gone away."""
    for request in requests:
        if not request.answer.done():
            request.answer.set_result(outcome)
