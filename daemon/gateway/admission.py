"""How many requests the daemon has at once (``limits.concurrent-requests``), from the head to the last byte.

A place is taken before the body is read, since bodies are what needs memory, and once the client's key has been
accepted, since a stranger may not keep clients out. Where no place is free a request waits a moment, in turn with the
other clients: a client that hangs up and asks again gets the place that it has just left. Then it is refused with 429.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Final

from daemon.errors import ErrorKind, LocalError
from daemon.gateway.request_state import RequestState
from daemon.router.slots import Slots

PATIENCE: Final = 1.0
"""Seconds in the queue. Longer would only hide from clients that there is too much to do."""
RETRY_AFTER: Final = 1.0
_ALL: Final = "all"


class Admission:
    """One per daemon. ``enter`` and ``leave`` frame a request."""

    __slots__ = ("_limit", "_slots")

    def __init__(self) -> None:
        self._limit = inf
        self._slots = Slots(lambda _: self._limit)

    @property
    def running(self) -> int:
        return self._slots.running(_ALL)

    @property
    def waiting(self) -> int:
        return self._slots.waiting(_ALL)

    def follow(self, limit: int) -> None:
        """The limit of a new snapshot, 0: none."""
        self._limit = limit or inf
        self._slots.follow_limits()

    def enter_now(self) -> bool:
        """Whether there is a place; it is taken."""
        if not self._slots.is_free(_ALL):
            return False
        self._slots.take(_ALL)
        return True

    async def enter(self, client: str, state: RequestState) -> None:
        """A place, in turn with the other clients. Raises ``LocalError``, 429, and ``ClientGone``."""
        free = asyncio.Event()
        ticket = self._slots.wait(client, [_ALL], free.set)
        if ticket is None:
            raise self._full()
        used = False
        try:
            async with state.waiting(), asyncio.timeout(PATIENCE):
                await free.wait()
            used = True
        except TimeoutError:
            raise self._full() from None
        finally:
            if not used:
                self._slots.leave(ticket)

    def leave(self) -> None:
        self._slots.release(_ALL)

    def _full(self) -> LocalError:
        running = "1 request is" if self._limit == 1 else f"{self._limit:g} requests are"
        return LocalError(
            ErrorKind.RATE_LIMIT,
            f"{running} running already (limits.concurrent-requests): try again in a moment",
            retry_after=RETRY_AFTER,
        )
