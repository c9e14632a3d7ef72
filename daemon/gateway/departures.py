"""Clients that have hung up and whose upstream is not closed yet.

A client that hangs up often asks again at once (a new turn of the user, a time limit of its own). An upstream that
takes one request at a time would refuse the new one while it still has the old one. So a request waits for the end of
those that its own client, or its session, has left; others do not.
"""

from __future__ import annotations

import asyncio
from typing import Final

from daemon.gateway.request_state import RequestState

LONGEST: Final = 1.0
"""Seconds: an end that takes longer is waited for no more."""

Turn = tuple[str, bytes]
"""The client by whom turns are taken, and its session."""


class _Leaving:
    __slots__ = ("count", "over")

    def __init__(self) -> None:
        self.count = 0
        self.over = asyncio.Event()


class Departures:
    """One per daemon. Holds no more than the requests that are running."""

    __slots__ = ("_leaving",)

    def __init__(self) -> None:
        self._leaving: dict[Turn, _Leaving] = {}

    def __len__(self) -> int:
        return len(self._leaving)

    def begin(self, turn: Turn) -> None:
        self._leaving.setdefault(turn, _Leaving()).count += 1

    def end(self, turn: Turn) -> None:
        leaving = self._leaving[turn]
        leaving.count -= 1
        if not leaving.count:
            del self._leaving[turn]
            leaving.over.set()

    async def passed(self, turn: Turn, state: RequestState) -> None:
        """Until none of ``turn`` is left. Raises ``ClientGone``."""
        leaving = self._leaving.get(turn)
        if leaving is None:
            return
        try:
            async with state.waiting(), asyncio.timeout(LONGEST):
                await leaving.over.wait()
        except TimeoutError:
            return


class Departure:
    """Of one request, as long as it asks upstreams. ``begin``: its client has gone; ``end``: its upstream is closed."""

    __slots__ = ("_begun", "_departures", "_turn")

    def __init__(self, departures: Departures, turn: Turn) -> None:
        self._departures = departures
        self._turn = turn
        self._begun = False

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._departures.begin(self._turn)

    def end(self) -> None:
        if self._begun:
            self._departures.end(self._turn)
