"""Failover as a generator: it yields which candidate is asked and is sent the error that it gave.

    plan = attempts(candidates)
    candidate = next(plan)
    candidate = plan.send(error)   # StopIteration: no further one is asked

The error says whether another may be asked: never where every one would refuse the same request, once
where content was refused, else as often as there are candidates. A caller that has answered, or has shown the client
a piece of an answer, asks no further.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from daemon.errors import Failover, GatewayError
from daemon.snapshot.models import Candidate


def attempts(candidates: Sequence[Candidate]) -> Generator[Candidate, GatewayError, None]:
    """Each candidate once, in the given order, until another attempt is pointless."""
    once = False
    for candidate in candidates:
        error = yield candidate
        if error.failover is Failover.NEVER or once:
            return
        once = error.failover is Failover.ONCE
