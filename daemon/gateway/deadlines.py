"""One clock for all running requests: keep-alives, deadlines, and the end of all of them at shutdown.

A timer per read would cost more than the read. So the states of all running requests are in a table, and one
task checks them a few times a second; what it measures in seconds may be late by one tick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from daemon.errors import GatewayError
from daemon.gateway.request_state import RequestState

SendKeepAlive = Callable[[], Coroutine[Any, Any, None]]

TICK = 0.25
KEEP_ALIVE = 15.0


class Deadlines:
    """``enter`` and ``leave`` frame a request; ``run`` is the supervised task. ``late`` is called at each tick with the
    seconds by which the loop was late for it."""

    __slots__ = ("_keep_alive_after", "_late", "_running", "_tick")

    def __init__(
        self,
        *,
        tick: float = TICK,
        keep_alive_after: float = KEEP_ALIVE,
        late: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._running: dict[RequestState, SendKeepAlive] = {}
        self._tick = tick
        self._keep_alive_after = keep_alive_after
        self._late = late

    def enter(self, state: RequestState, keep_alive: SendKeepAlive) -> None:
        """Watch ``state``; ``keep_alive`` sends the client its keep-alive."""
        self._running[state] = keep_alive

    def leave(self, state: RequestState) -> None:
        self._running.pop(state, None)

    def __len__(self) -> int:
        return len(self._running)

    def interrupt_all(self, error: GatewayError) -> None:
        """End every running request now, with ``error`` in its dialect."""
        for state in list(self._running):
            state.interrupt(error)

    async def run(self) -> None:
        """For ever: what is due, each tick. A client that reads slowly delays no other."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                due = monotonic() + self._tick
                await asyncio.sleep(self._tick)
                now = monotonic()
                self._late(max(0.0, now - due))
                for state, keep_alive in list(self._running.items()):
                    if state.deadline <= now:
                        state.expire()
                    elif state.ends <= now:
                        state.expire_whole()
                    elif now - state.quiet_since >= self._keep_alive_after:
                        state.quiet_since = now
                        tasks.create_task(keep_alive())
