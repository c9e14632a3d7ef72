"""At DEBUG, a line for each decision of a request: who may be asked, who is asked next, and why nobody else is.

Nothing of a line is built unless DEBUG is logged: it takes longer than the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from loguru import logger

from daemon.errors import GatewayError, LocalError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.route import route
from daemon.router.passed_over import grouped, passed_over
from daemon.router.plan import Acquire, Ask, Pause, Step
from daemon.router.readiness import Readiness, readiness
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import Resolution
from daemon.telemetry.logs import is_logged

MOST_NAMED: Final = 20
"""Providers that a line names for one reason: there may be thousands."""


def routed(client_request: ClientRequest) -> Resolution:
    """As ``route``, and there is a line where it raises."""
    try:
        return route(client_request.snapshot, client_request.request.model)
    except LocalError:
        if is_logged("DEBUG"):
            _log_route(client_request, None, ())
        raise


def log_route(client_request: ClientRequest, resolution: Resolution, router: Router, request: RoutedRequest) -> None:
    """Who may be asked, and who may not."""
    if is_logged("DEBUG"):
        _log_route(client_request, resolution, readiness(router, request), _owner(request))


def log_step(client_request: ClientRequest, step: Step) -> None:
    """What the plan has decided."""
    if is_logged("DEBUG"):
        logger.bind(request_id=client_request.request_id).debug("route: {}", _in_words(step))


def log_again(client_request: ClientRequest, candidate: Candidate, error: GatewayError) -> None:
    """The same upstream is asked again, with the request changed as its refusal demands."""
    if is_logged("DEBUG"):
        _log(client_request, f"{_named(candidate)} again, with what its refusal asks for", error)


def log_end(client_request: ClientRequest, error: GatewayError) -> None:
    """The plan is over without an answer."""
    if is_logged("DEBUG"):
        _log(client_request, "nobody else may be asked", error)


def _log_route(
    client_request: ClientRequest, resolution: Resolution | None, candidates: Sequence[Readiness], owner: str = ""
) -> None:
    """``resolution`` is None and ``candidates`` empty where the name leads nowhere."""
    name = client_request.request.model
    others = grouped(passed_over(client_request.snapshot, name, resolution), at_most=MOST_NAMED)
    may = [_named(each.candidate) for each in candidates if not each.reason]
    resting = [f"{_named(each.candidate)}: {each.reason}" for each in candidates if each.reason]
    logger.bind(
        request_id=client_request.request_id,
        model=name,
        rule=resolution.rule if resolution else None,
        effort=resolution.effort if resolution else None,
        owner=owner or None,
        candidates=_some(may) or None,
        resting=_some(resting) or None,
        not_asked="; ".join(others) or None,
    ).debug("route: {}", f"{len(may)} of {len(candidates)} may be asked" if candidates else "nobody can be asked")


def _owner(request: RoutedRequest) -> str:
    """``fox (previous_response_id)``: who made what only it can read, and what of that cannot be left out."""
    if not (request.owner or request.needs):
        return ""
    name = next((each.auth.name for each in request.candidates if each.auth.id == request.owner), "")
    who = name or ("not among them" if request.owner else "not known")
    return f"{who} ({request.needs})" if request.needs else who


def _in_words(step: Step) -> str:
    match step:
        case Ask(candidate):
            return f"ask {_named(candidate)}"
        case Pause(seconds):
            return f"nobody may be asked: wait {seconds:.1f} s"
        case Acquire(auths):
            return f"wait for a place at {_some([auth.name for auth in auths])}"


def _log(client_request: ClientRequest, what: str, error: GatewayError) -> None:
    logger.bind(request_id=client_request.request_id, error=error.kind.value).debug("route: {}", what)


def _some(names: Sequence[str]) -> str:
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more


def _named(candidate: Candidate) -> str:
    return f"{candidate.auth.name} ({candidate.model})"
