"""The mutable half of one request: what the sweep watches, and how a wait is broken off.

The request's own task waits for the upstream in straight lines, without a timer of its own. Whatever
else may happen meanwhile (the client leaves, a deadline passes, the daemon stops) comes in through
``interrupt``, which ends the current wait with ``Interrupted``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
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

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Inside, an interrupt raises its reason. A deadline's interrupt is spent by that; others stand."""
        if (standing := self._standing()) is not None:
            raise standing
        try:
            async with asyncio.timeout(None) as self._wait:
                yield
        except TimeoutError:
            reason = self._standing()
            if reason is None:
                raise
            self.deadline = inf
            self._reason = None if self.overdue is reason else reason
            raise reason from None
        finally:
            self._wait = None

    def _standing(self) -> Exception | None:
        return self._reason
