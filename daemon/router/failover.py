"""Failover as a generator: it yields whom to ask and is sent what came of it.

    plan = attempts(candidates)
    attempt = next(plan)
    attempt = plan.send(Outcome(error=..., committed=False))   # StopIteration: there is no further one

The error says whether another may be asked: never where every one would refuse the same request, once
where content was refused, else as often as there are candidates. Once the client has seen a piece of the
answer (``committed``) nothing is asked again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec import Struct

from daemon.errors import Failover, GatewayError
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
    once = False
    for number, candidate in enumerate(candidates, start=1):
        error = (outcome := (yield Attempt(candidate, number))).error
        if error is None or outcome.committed or error.failover is Failover.NEVER or once:
            return
        once = error.failover is Failover.ONCE
