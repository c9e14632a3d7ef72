"""What all requests share: the way out, the clock, the counters, and what has been learned of upstreams."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from daemon.gateway.admission import Admission
from daemon.gateway.count_tokens import CountTokens
from daemon.gateway.counting import Calibration
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.departures import Departures
from daemon.gateway.failure_reports import FailureReports
from daemon.gateway.free_pages import FreePages
from daemon.gateway.gathered import GatheredBudget
from daemon.gateway.key_verdicts import KeyVerdicts
from daemon.gateway.learned import LearnedAmendments
from daemon.gateway.reasoning.call_reasoning import CallReasoning
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.router.router import Router
from daemon.router.states import AuthStates
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.registry import AdapterRegistry

if TYPE_CHECKING:  # it imports OpenTelemetry
    from daemon.telemetry.otel.tracing import Tracing


class LiveState:
    """One for the daemon's life; it outlives every snapshot, and every request has it at hand.

    ``adapters`` are the way out. ``learned``, ``owners`` and ``calibration`` are what has been learned of upstreams,
    by core auth ID and model; ``gathered`` bounds the answers in memory; ``failures`` reports what failed.
    ``router`` knows who is asked, ``keys`` what upstreams say of theirs, ``admission`` how many requests there are,
    ``departures`` which of their clients have just gone.
    ``tracing`` is set while OpenTelemetry is on. ``counted`` frames every request, for whoever must know when none is
    left.
    """

    __slots__ = (
        "adapters",
        "admission",
        "calibration",
        "call_reasoning",
        "counted",
        "deadlines",
        "departures",
        "failures",
        "free_pages",
        "gathered",
        "keys",
        "learned",
        "metrics",
        "owners",
        "router",
        "states",
        "tokens",
        "tracing",
    )

    def __init__(
        self,
        *,
        adapters: AdapterRegistry,
        states: AuthStates,
        metrics: Metrics,
        deadlines: Deadlines,
        learned: LearnedAmendments | None = None,
        events: FailureEvents | None = None,
        router: Router | None = None,
        counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.adapters = adapters
        self.states = states
        self.metrics = metrics
        self.deadlines = deadlines
        events = FailureEvents(AuditLog()) if events is None else events
        self.failures = FailureReports(states, events)
        self.counted = counted
        self.router = Router(clock=time.monotonic, wall=time.time) if router is None else router
        self.failures.follow(self.router, metrics)
        self.keys = KeyVerdicts(states, self.router, events, count=metrics.key_checked)
        self.admission = Admission()
        self.departures = Departures()
        self.learned = LearnedAmendments() if learned is None else learned
        self.owners = ReasoningOwners()
        self.call_reasoning = CallReasoning()
        self.calibration = Calibration()
        self.gathered = GatheredBudget()
        self.free_pages = FreePages()
        self.tracing: Tracing | None = None
        self.tokens = CountTokens(adapters=adapters, calibration=self.calibration, router=self.router)
