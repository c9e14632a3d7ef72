"""The mutable half of one request: what ``Deadlines`` watches, and how a wait is broken off.

The request's own task waits for the upstream in straight lines, without a timer of its own. Whatever
else may happen meanwhile (the client leaves, a deadline passes, the daemon stops) comes in through
``interrupt``, which ends the current wait with its reason.
"""

from __future__ import annotations

import asyncio
from math import inf
from types import TracebackType
from typing import Final, Protocol

from msgspec import Struct

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError

GONE: Final = "tppcd.gone"
"""Key of the ASGI scope under which an entry leaves what the server calls when the client hangs up.

ASGI itself says that only to who awaits ``receive()``, which would take a second task per request."""

REFUSED: Final = "tppcd.refused"
"""Key of the ASGI scope under which the server leaves the ``LocalError`` that it has answered a request with whose
body did not come as it should. Whoever waits for the body only learns that the client is gone."""


class ClientGone(Exception):
    """The client hung up: nobody is left to answer."""


class Leaving(Protocol):
    def begin(self) -> None:
        """The client has gone."""
        ...


class Overdue(Struct, frozen=True):
    """What a wait that lasts too long fails with; the error itself is made only then. ``ours``: the
    client kept us waiting, so another target would not help."""

    message: str
    ours: bool = False

    def error(self) -> GatewayError:
        if self.ours:
            return LocalError(ErrorKind.TIMEOUT, self.message)
        return RemoteError(ErrorKind.TIMEOUT, self.message)


ENDED: Final = Overdue("")
"""What an answer that is complete waits for: nothing. Its upstream has neither said the last word nor hung up."""


class RequestState:
    """One running request, made in its own task. Times are ``time.monotonic`` seconds.

    ``deadline``: when the current wait for the upstream has lasted too long, and ``overdue`` what to
    say then. ``ends``: when the attempt as a whole has, and ``too_long`` what to say. ``quiet_since``: when the
    client last got bytes, ``inf`` while nothing may be sent to it. ``departure``: who must know at once that the client
    has gone, None while nobody must.
    """

    __slots__ = (
        "_ended",
        "_expired",
        "_reason",
        "_task",
        "_waiting",
        "deadline",
        "departure",
        "ends",
        "overdue",
        "quiet_since",
        "too_long",
    )

    def __init__(self) -> None:
        self.deadline = inf
        self.overdue: Overdue | None = None
        self.ends = inf
        self.too_long: Overdue | None = None
        self.quiet_since = inf
        self.departure: Leaving | None = None
        # Cancelling the task is the one way to end whatever it waits for; only inside ``waiting`` is it ours to cancel,
        # so an interrupt that comes between two waits stays here as the reason, and ends the next one.
        self._task = asyncio.current_task()
        self._waiting: Waiting | None = None
        self._reason: Exception | None = None
        # The reason is a deadline of one attempt. It is spent when it has ended that one, so that the next attempt may
        # wait; a client that has gone, or the daemon's stop, ends them all.
        self._expired = False
        self._ended = False  # whether the wait was cancelled because the answer is complete

    def interrupt(self, reason: Exception) -> None:
        """Break the current wait off, or the next one; the first reason stands."""
        if self._reason is None:
            self._reason = reason
            if self._waiting is not None:
                self._cancel(self._waiting)

    def client_gone(self) -> None:
        """The client has hung up."""
        if self.departure is not None:
            self.departure.begin()
        self.interrupt(ClientGone())

    def ends_by(self, moment: float) -> None:
        """The answer is complete: what the upstream says until ``moment`` counts, and then ``has_ended`` is true."""
        self.deadline, self.overdue, self.ends = moment, ENDED, inf

    def has_ended(self) -> bool:
        """Asked when a wait inside ``waiting`` was cancelled: whether that was for ``ends_by``, and for nothing else.
        The request goes on then."""
        waiting = self._waiting
        if not self._ended or waiting is None or self._task is None or self._task.uncancel() > 0:
            return False
        self._ended = waiting.cancelled = False
        return True

    def expire(self) -> None:
        """The deadline has passed."""
        if self.overdue is not ENDED:
            self._expire(self.overdue)
        elif self._reason is None and self._waiting is not None and not self._ended:
            self._ended = True
            self._cancel(self._waiting)

    def expire_whole(self) -> None:
        """The attempt's time is up, though the upstream may be writing."""
        self._expire(self.too_long)

    def _expire(self, overdue: Overdue | None) -> None:
        if overdue is not None and self._reason is None:
            self._expired = True
            self.interrupt(overdue.error())

    def waiting(self) -> Waiting:
        """``async with``: inside, an interrupt raises its reason. A deadline's is spent by that; others stand."""
        return Waiting(self)

    def begin(self, waiting: Waiting) -> None:
        """A wait begins; it ends at its first pause where a reason stands already."""
        if self._reason is not None:
            raise self._reason
        self._waiting = waiting

    def end(self, waiting: Waiting) -> Exception | None:
        """A wait is over; the reason if it was broken off by us."""
        self._waiting = None
        if not waiting.cancelled or self._task is None or self._task.uncancel() > 0:
            return None
        reason = self._reason
        self.deadline = self.ends = inf
        if self._expired:
            self._reason, self._expired = None, False
        return reason

    def _cancel(self, waiting: Waiting) -> None:
        if self._task is not None:
            waiting.cancelled = True
            self._task.cancel()


class Waiting:
    """What ``asyncio.timeout`` is to time, this is to ``RequestState.interrupt``: a cancellation that is known
    as ours becomes its reason, any other one passes."""

    __slots__ = ("_state", "cancelled")

    def __init__(self, state: RequestState) -> None:
        self._state = state
        self.cancelled = False

    async def __aenter__(self) -> None:
        self._state.begin(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reason = self._state.end(self)
        if reason is not None and kind is asyncio.CancelledError:
            raise reason from None
