"""The mutable half of one request: what the sweep watches, and how a wait is broken off.

The request's own task waits for the upstream in straight lines, without a timer of its own. Whatever
else may happen meanwhile (the client leaves, a deadline passes, the daemon stops) comes in through
``interrupt``, which ends the current wait with ``Interrupted``.
"""

from __future__ import annotations

import asyncio
from math import inf
from types import TracebackType
from typing import Final

from daemon.errors import GatewayError

GONE: Final = "tppcd.gone"
"""Key of the ASGI scope under which an entry leaves what the server calls when the client hangs up.

ASGI itself tells that only to who awaits ``receive()``, which would take a second task per request."""


class ClientGone(Exception):
    """The client hung up: nobody is left to answer."""


class Exchange:
    """One running request. Times are loop time in seconds.

    ``deadline``: when the current wait for the upstream has lasted too long, and ``overdue`` what to
    say then. ``quiet_since``: when the client last got bytes, ``inf`` while nothing may be sent to it.
    """

    __slots__ = ("_reason", "_wait", "deadline", "overdue", "quiet_since")

    def __init__(self) -> None:
        self.deadline = inf
        self.overdue: GatewayError | None = None
        self.quiet_since = inf
        self._wait: asyncio.Timeout | None = None
        self._reason: Exception | None = None

    def interrupt(self, reason: Exception) -> None:
        """Break the current wait off, or the next one; the first reason stands."""
        if self._reason is None:
            self._reason = reason
            if self._wait is not None:
                self._wait.reschedule(0.0)

    def waiting(self) -> Waiting:
        """Inside, an interrupt raises its reason. A deadline's interrupt is spent by that; others stand."""
        return Waiting(self)

    def begin(self, wait: asyncio.Timeout) -> None:
        """A wait is to begin; raises the reason that stands already."""
        if self._reason is not None:
            raise self._reason
        self._wait = wait

    def end(self) -> None:
        self._wait = None

    def spend(self) -> Exception | None:
        """Why the wait was broken off; None when it was not by us."""
        reason = self._reason
        self.deadline = inf
        self._reason = None if self.overdue is reason else reason
        return reason


class Waiting:
    """``async with exchange.waiting()``: a timeout without a time, which ``interrupt`` brings forward."""

    __slots__ = ("_exchange", "_timeout")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        self._exchange.begin(self._timeout)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.end()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            reason = self._exchange.spend()
            if reason is None:
                raise
            raise reason from None
