"""What is reported of failures: the log, the state of the core auth, audit events. Never what anybody said.

an attempt that failed ─┬─▶ WARNING, also where another provider answers
                        ├─▶ last-error of the core auth
                        └─▶ event, at most one per core auth, class and minute
a core auth that leaves ──┬─▶ INFO line with who is left, and when it is back
service, or returns       └─▶ event
a request that we fail ───▶ event; its line is the request record's
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from loguru import logger

from daemon.errors import GatewayError, LocalError, RemoteError
from daemon.gateway.request_record import RequestRecord
from daemon.router.cooldowns import Resting
from daemon.router.failure_words import CREDENTIAL_REFUSED, what_failed
from daemon.router.readiness import duration, rest_reason
from daemon.router.router import RoutedRequest, Router
from daemon.router.states import AuthStates
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Candidate
from daemon.telemetry.failure_cause import Cause, cause_of, reason_of
from daemon.telemetry.failure_events import FailureEvents

MOST_NAMED: Final = 5
"""Providers that a line names."""


class FailureReports:
    """One per daemon. ``clock`` gives Unix seconds."""

    __slots__ = ("_clock", "_events", "_states")

    def __init__(self, states: AuthStates, events: FailureEvents, *, clock: Callable[[], float] = time.time) -> None:
        self._states = states
        self._events = events
        self._clock = clock

    def attempt(self, record: RequestRecord, candidate: Candidate, error: RemoteError, now: float) -> None:
        """The latest attempt of the request has failed. ``now`` is in ``time.monotonic`` seconds."""
        client_request = record.client_request
        auth, what, reason = candidate.auth, what_failed(error), reason_of(error)
        self._states.failed(auth.id, error, self._clock())
        logger.bind(
            request_id=client_request.request_id,
            entry=client_request.entry,
            provider=auth.name,
            auth=auth.id,
            served=candidate.model,
            attempt=record.attempts,
            error=error.kind.value,
            reason=reason,
            status=error.upstream_status,
            ms=round((now - record.asked_at) * 1000, 1),
        ).warning("attempt failed: {}", what)
        refused = error.kind in CREDENTIAL_REFUSED
        self._events.publish_failure(
            "credential-refused" if refused else "attempt-failed",
            f"{auth.name}: {what}",
            auth=auth.id,
            provider=auth.name,
            error=error.kind.value,
            reason=reason,
            request_id=client_request.request_id,
        )

    def follow(self, router: Router) -> None:
        """Report which core auths leave service and return."""
        router.on_rest, router.on_return = partial(self._rests, router), partial(self._is_back, router)

    def _rests(self, router: Router, request: RoutedRequest, candidate: Candidate, resting: Resting) -> None:
        """The candidate's core auth has left service, whole, for a model or for a kind of client."""
        rest = resting.rest
        what, seconds = rest_reason(resting.key, rest), rest.until - rest.since
        logger.bind(
            provider=candidate.auth.name,
            auth=candidate.auth.id,
            seconds=round(seconds, 1),
            model=request.name,
            in_service=_named(router.in_service(request)),
        ).info("{} rests: {}", candidate.auth.name, what)
        message = f"rests for {duration(seconds)}: {what}"
        self._events.publish_state(message, auth=candidate.auth.id, provider=candidate.auth.name, state="cooling")

    def _is_back(self, router: Router, request: RoutedRequest, candidate: Candidate) -> None:
        """It has answered again."""
        logger.bind(
            provider=candidate.auth.name,
            auth=candidate.auth.id,
            model=request.name,
            in_service=_named(router.in_service(request)),
        ).info("{} is back", candidate.auth.name)
        self._events.publish_state("is back", auth=candidate.auth.id, provider=candidate.auth.name, state="ready")

    def request(self, request_id: str, error: GatewayError | None, auth: CoreAuth | None = None) -> None:
        """A request has ended. If it failed, and that is this daemon's doing, it is an event: a 5xx that no upstream
        has caused. ``auth`` was asked last, if any was."""
        if not isinstance(error, LocalError) or error.status < 500 or cause_of(error) is Cause.CLIENT:
            return
        self._events.publish_failure(
            "request-failed",
            f"a request failed ({reason_of(error)})",
            auth=auth.id if auth else "",
            provider=auth.name if auth else "",
            error=error.kind.value,
            reason=reason_of(error),
            request_id=request_id,
        )


def _named(candidates: Sequence[Candidate]) -> str:
    names = list(dict.fromkeys(each.auth.name for each in candidates))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}" if names else "nobody"
