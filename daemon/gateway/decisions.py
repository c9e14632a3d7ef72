"""At DEBUG, a line for each decision of a request: who is asked first, who may follow, and why nobody else.

Nothing of a line is built unless DEBUG is logged: it takes longer than the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from loguru import logger

from daemon.errors import Failover, GatewayError, LocalError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.route import route
from daemon.router.passed_over import grouped, passed_over
from daemon.router.plan import Acquire, Ask, Pause, Step
from daemon.router.readiness import Readiness, readiness
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import Resolution
from daemon.telemetry.logs import is_logged

OTHERS_TOO: Final = "others would refuse this request, too"

MOST_NAMED: Final = 20
"""Providers that a line names for one reason: there may be thousands."""


def routed(client_request: ClientRequest) -> Resolution:
    """As ``route``, and there is a line where it raises."""
    try:
        return route(client_request.snapshot, client_request.request.model)
    except LocalError:
        if is_logged("DEBUG", "gateway"):
            _log_route(client_request, None, None, ())
        raise


def log_route(
    client_request: ClientRequest, resolution: Resolution, router: Router, request: RoutedRequest, first: Step
) -> None:
    """What the plan does ``first``, who may be asked after that, and who may not."""
    if is_logged("DEBUG", "gateway"):
        _log_route(client_request, resolution, first, readiness(router, request), _owner(request))


def log_step(client_request: ClientRequest, step: Step) -> None:
    """What the plan has decided."""
    if is_logged("DEBUG", "gateway"):
        logger.bind(request_id=client_request.request_id).debug("route: next {}", _in_words(step))


def log_again(client_request: ClientRequest, candidate: Candidate, error: GatewayError) -> None:
    """The same upstream is asked again, with the request changed as its refusal demands."""
    if is_logged("DEBUG", "gateway"):
        bound = logger.bind(request_id=client_request.request_id, error=error.kind.value)
        bound.debug("route: {} again, with what its refusal asks for", _named(candidate))


def log_end(client_request: ClientRequest, router: Router, request: RoutedRequest, error: GatewayError) -> None:
    """The plan is over without an answer, and who may not be asked now."""
    if is_logged("DEBUG", "gateway"):
        resting = _resting(readiness(router, request))
        bound = logger.bind(request_id=client_request.request_id, error=error.kind.value, resting=resting)
        final = isinstance(error, RemoteError) and error.failover is Failover.NEVER
        bound.debug("route: nobody else: {}", OTHERS_TOO if final else "no other is left")


def _log_route(
    client_request: ClientRequest,
    resolution: Resolution | None,
    first: Step | None,
    candidates: Sequence[Readiness],
    owner: str = "",
) -> None:
    """``resolution`` and ``first`` are None and ``candidates`` empty where the name leads nowhere."""
    name = client_request.request.model
    others = grouped(passed_over(client_request.snapshot, name, resolution), at_most=MOST_NAMED)
    asked = first.candidate if isinstance(first, Ask) else None
    may = [_later(each.candidate, asked) for each in candidates if not each.reason and each.candidate != asked]
    logger.bind(
        request_id=client_request.request_id,
        model=name,
        rule=resolution.rule if resolution else None,
        effort=resolution.effort if resolution else None,
        owner=owner or None,
        then=_some(may) or None,
        resting=_resting(candidates),
        not_asked="; ".join(others) or None,
    ).debug("route: {}", "nobody can be asked" if first is None else f"first {_in_words(first)}")


def _later(candidate: Candidate, first: Candidate | None) -> str:
    if first is None or candidate.auth.priority == first.auth.priority:
        return _named(candidate)
    return f"{_named(candidate)} (priority {candidate.auth.priority} after {first.auth.priority})"


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
            return _named(candidate)
        case Pause(seconds):
            return f"a wait of {seconds:.1f} s: nobody may be asked"
        case Acquire(auths):
            return f"a wait for a place at {_some([auth.label for auth in auths])}"


def _resting(candidates: Sequence[Readiness]) -> str | None:
    return _some([f"{_named(each.candidate)}: {each.reason}" for each in candidates if each.reason]) or None


def _some(names: Sequence[str]) -> str:
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more


def _named(candidate: Candidate) -> str:
    return f"{candidate.auth.label} ({candidate.model})"
