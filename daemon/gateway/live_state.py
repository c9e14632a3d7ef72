"""What all requests share: the way out, the clock, the counters, and what has been learned of upstreams."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from daemon.gateway.count_tokens import CountTokens
from daemon.gateway.counting import Calibration
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.gathered import GatheredBudget
from daemon.gateway.learned import LearnedAmendments
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.router.selection import Rotation
from daemon.router.states import AuthStates
from daemon.telemetry.metrics import Metrics
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse


class Upstreams(Protocol):
    """Where requests leave: the side of the transport that the gateway uses."""

    async def open(self, call: UpstreamCall) -> UpstreamResponse:
        """The answer, whose head has arrived. Raises ``RemoteError`` where there is none."""
        ...


class LiveState:
    """One for the daemon's life; it outlives every snapshot, and every request has it at hand.

    ``learned``, ``owners`` and ``calibration`` are what has been learned of upstreams, by core auth ID and model;
    ``gathered`` bounds the answers in memory. ``counted`` frames every request, for whoever must know when none is
    left.
    """

    __slots__ = (
        "calibration",
        "counted",
        "deadlines",
        "gathered",
        "learned",
        "metrics",
        "owners",
        "rotation",
        "states",
        "tokens",
        "upstreams",
    )

    def __init__(
        self,
        *,
        upstreams: Upstreams,
        states: AuthStates,
        metrics: Metrics,
        deadlines: Deadlines,
        learned: LearnedAmendments | None = None,
        counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.upstreams = upstreams
        self.states = states
        self.metrics = metrics
        self.deadlines = deadlines
        self.counted = counted
        self.rotation = Rotation()
        self.learned = LearnedAmendments() if learned is None else learned
        self.owners = ReasoningOwners()
        self.calibration = Calibration()
        self.gathered = GatheredBudget()
        self.tokens = CountTokens(open=upstreams.open, calibration=self.calibration)

    @property
    def running(self) -> int:
        """Requests between their first and their last byte."""
        return len(self.deadlines)
