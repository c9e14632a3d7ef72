"""The stop: no new connections, running responses end whole, the late ones with an error in their dialect.

    SIGTERM ─▶ STOPPING=1, listeners closed ─▶ wait for the requests in flight
            ─▶ ``final`` set two seconds before the deadline: streams end with their dialect's error
            ─▶ what is left is cancelled and awaited ─▶ the server ends

A second signal (``hurry``) jumps to ``final``. The request path only counts: ``with drain.request():``
around a request, ``drain.final`` watched by what may take long.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from loguru import logger

from daemon.service.server import GatewayServer
from daemon.systemd import Notifier

DRAIN_SECONDS = 30.0
"""How long a stop waits for requests in flight. The unit's ``TimeoutStopSec`` may be shorter: while
we wait, systemd is asked for more time every second."""

FINAL_SECONDS = 2.0
"""The part of it that is kept for the last event and the end of the response."""

_TICK = 1.0
_EXTENSION = 10.0
_OTHERS = 0.5
"""Seconds for requests that are not counted (a reload, an event stream)."""


class Drain:
    """One per process. ``started``: the stop has begun (``/readyz`` answers 503 then). ``final``:
    say the last event now."""

    def __init__(self) -> None:
        self.started = False
        self.final = asyncio.Event()
        self.in_flight = 0
        self._idle = asyncio.Event()
        self._wake = asyncio.Event()
        self._span = _Span(self)

    def request(self) -> _Span:
        """A context manager that counts one request. One object serves all: it keeps no state of its own."""
        return self._span

    def hurry(self) -> None:
        """The second signal: streams end now, in their dialect."""
        self.final.set()
        self._wake.set()

    async def run(self, server: GatewayServer, notifier: Notifier, timeout: float = DRAIN_SECONDS) -> int:  # noqa: ASYNC109 - a budget to spend, not a limit that raises
        """The whole sequence; returns how many requests had to be cut off. At its end ``server`` is asked
        to exit, all requests are done and their ``finally`` blocks have run."""
        self.started = True
        self._note_idle()
        running = _requests(self.in_flight)
        notifier.stopping(f"stopping: {running} in flight")
        rest = f"waiting up to {timeout:g} s for {running}" if self.in_flight else "no request is running"
        logger.bind(in_flight=self.in_flight, timeout=timeout).info("stopping: no new connections, {}", rest)
        server.stop_listening()
        began = time.monotonic()
        await self._finish(notifier, began + timeout)
        cut = await server.cancel_requests(_OTHERS)
        server.should_exit = True
        seconds, how = time.monotonic() - began, f"{_requests(cut)} cut off" if cut else "no request cut off"
        logger.bind(cut=cut, seconds=round(seconds, 3)).info("stopped serving after {:.1f} s, {}", seconds, how)
        return cut

    async def _finish(self, notifier: Notifier, deadline: float) -> None:
        """Waits for the counted requests, for ``final`` at the latest two seconds before the deadline."""
        while not self._idle.is_set() and not self.final.is_set():
            left = deadline - FINAL_SECONDS - time.monotonic()
            if left <= 0:
                break
            notifier.extend_timeout(_EXTENSION)
            await _wait(self._wake, min(_TICK, left))
        if not self._idle.is_set():
            running = _requests(self.in_flight)
            logger.bind(in_flight=self.in_flight).warning("stopping: {} still running, ending now", running)
            self.final.set()
            notifier.extend_timeout(_EXTENSION)
            await _wait(self._idle, FINAL_SECONDS)

    def _left(self) -> None:
        self.in_flight -= 1
        if self.started:
            self._note_idle()

    def _note_idle(self) -> None:
        if not self.in_flight:
            self._idle.set()
            self._wake.set()


class _Span:
    """Two integer operations per request."""

    __slots__ = ("_drain",)

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    def __enter__(self) -> None:
        self._drain.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self._drain._left()


def _requests(number: int) -> str:
    return f"{number} request" if number == 1 else f"{number} requests"


async def _wait(event: asyncio.Event, at_most: float) -> None:
    """Until ``event`` is set, ``at_most`` seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most):
            await event.wait()
