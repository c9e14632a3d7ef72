"""At DEBUG, a line for each decision of a request: who is asked, in which order, and why nobody else is.

Nothing of a line is built unless DEBUG is logged: it takes longer than the decision.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final

from loguru import logger

from daemon.errors import Failover, GatewayError, LocalError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.route import route
from daemon.router.failover import attempts
from daemon.router.passed_over import grouped, passed_over
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import Resolution
from daemon.telemetry.logs import is_logged

MOST_NAMED: Final = 20
"""Providers that a line names for one reason: there may be thousands."""

Plan = Generator[Candidate, GatewayError, None]


def routed(client_request: ClientRequest) -> Resolution:
    """As ``route``, and there is a line where it raises."""
    try:
        return route(client_request.snapshot, client_request.request.model)
    except LocalError:
        if is_logged("DEBUG"):
            _log_route(client_request, None, ())
        raise


def planned(client_request: ClientRequest, resolution: Resolution, order: Sequence[Candidate]) -> Plan:
    """As ``router.failover.attempts``, with a line for the beginning, for each further candidate, and for the end."""
    plan = attempts(order)
    if not is_logged("DEBUG"):
        return plan
    _log_route(client_request, resolution, order)
    return _logged(plan, client_request)


def log_again(client_request: ClientRequest, candidate: Candidate, error: GatewayError) -> None:
    """The same upstream is asked again, with the request changed as its refusal demands."""
    if is_logged("DEBUG"):
        _log(client_request, f"{_named(candidate)} again, with what its refusal asks for", error)


def _log_route(client_request: ClientRequest, resolution: Resolution | None, order: Sequence[Candidate]) -> None:
    """Who is asked, in this ``order``; ``resolution`` is None and ``order`` empty where the name leads nowhere."""
    name = client_request.request.model
    others = grouped(passed_over(client_request.snapshot, name, resolution), at_most=MOST_NAMED)
    then = list(_then(order))
    if len(then) > MOST_NAMED:
        then[MOST_NAMED:] = [f"and {len(then) - MOST_NAMED} more"]
    logger.bind(
        request_id=client_request.request_id,
        model=name,
        rule=resolution.rule if resolution else None,
        effort=resolution.effort if resolution else None,
        then="; ".join(then) or None,
        not_asked="; ".join(others) or None,
    ).debug("route: {}", f"first {_named(order[0])}" if order else "nobody can be asked")


def _logged(plan: Plan, client_request: ClientRequest) -> Plan:
    candidate = next(plan)
    while True:
        error = yield candidate
        try:
            candidate = plan.send(error)
        except StopIteration:
            final = error.failover is Failover.NEVER
            why = "others would refuse this request, too" if final else "no other is left"
            _log(client_request, f"nobody else: {why}", error)
            return
        _log(client_request, f"next {_named(candidate)}", error)


def _log(client_request: ClientRequest, what: str, error: GatewayError) -> None:
    logger.bind(request_id=client_request.request_id, error=error.kind.value).debug("route: {}", what)


def _then(order: Sequence[Candidate]) -> Iterator[str]:
    for candidate in order[1:]:
        lower = candidate.auth.priority < order[0].auth.priority
        why = f"priority {candidate.auth.priority} after {order[0].auth.priority}" if lower else "its turn comes later"
        yield f"{_named(candidate)} ({why})"


def _named(candidate: Candidate) -> str:
    """``fox (gpt-5)``, with the fallback models behind it."""
    models = dict.fromkeys((candidate.model, *candidate.auth.fallback_models))
    return f"{candidate.auth.name} ({', else '.join(models)})"
