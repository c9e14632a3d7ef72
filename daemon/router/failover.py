"""Failover as a generator: it yields which candidate is asked and is sent the error that it gave.

    plan = attempts(candidates)
    candidate = next(plan)
    candidate = plan.send(error)   # StopIteration: no further one is asked

The error says whether another may be asked: never where every one would refuse the same request, once
where content was refused, else as often as there are candidates. A provider with fallback models is asked for these
before the next provider, unless what failed has nothing to do with the model. A caller that has answered, or has
shown the client a piece of an answer, asks no further.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError
from daemon.snapshot.listings import Candidate

_MAY_BE_THE_MODELS: Final = frozenset(
    {
        ErrorKind.RATE_LIMIT,
        ErrorKind.QUOTA,
        ErrorKind.MODEL_NOT_FOUND,
        ErrorKind.NOT_FOUND,
        ErrorKind.OVERLOADED,
        ErrorKind.MAINTENANCE,
        ErrorKind.TIMEOUT,
        ErrorKind.API,
    }
)


def attempts(candidates: Sequence[Candidate]) -> Generator[Candidate, GatewayError, None]:
    """Each candidate once, in the given order, and after each its fallback models, until another attempt is
    pointless."""
    once = False
    for candidate in candidates:
        auth = candidate.auth
        for model in dict.fromkeys((candidate.model, *auth.fallback_models)):
            error = yield candidate if model == candidate.model else Candidate(auth, model)
            if error.failover is Failover.NEVER or once:
                return
            once = error.failover is Failover.ONCE
            if not helps_another_model(error):
                break


def helps_another_model(error: GatewayError) -> bool:
    """Whether another model of the same provider may do what this one did not: after 429, 404 of the model, 5xx or no
    answer, but not where the upstream refused the request, the credential or the path (a web page with 404)."""
    status = error.upstream_status if isinstance(error, RemoteError) else None
    refused = error.kind is ErrorKind.API and status is not None and 400 <= status < 500
    return error.kind in _MAY_BE_THE_MODELS and not refused
