"""Failover as a generator: it yields whom to ask and is sent what came of it.

    plan = attempts(candidates)
    attempt = next(plan)
    attempt = plan.send(Outcome(error=..., committed=False))   # StopIteration: there is no further one

A request-scoped failure is final, for another credential would be told the same. Once the client
has seen a piece of the answer (``committed``) nothing is asked again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec import Struct

from daemon.errors import GatewayError, Scope
from daemon.snapshot.models import Candidate


class Attempt(Struct, frozen=True):
    """``number`` counts from 1."""

    candidate: Candidate
    number: int


class Outcome(Struct, frozen=True):
    """``error`` None = it worked."""

    error: GatewayError | None
    committed: bool


def attempts(candidates: Sequence[Candidate]) -> Generator[Attempt, Outcome, None]:
    """Each candidate once, in the given order, until one works or trying on is pointless."""
    for number, candidate in enumerate(candidates, start=1):
        outcome = yield Attempt(candidate, number)
        if outcome.error is None or outcome.committed or outcome.error.scope is Scope.REQUEST:
            return
