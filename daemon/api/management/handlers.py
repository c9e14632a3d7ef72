"""The operations that show the running daemon, test a provider, or reload: each reads the snapshot once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management import views
from daemon.api.management.events import EventStream
from daemon.api.management.requests import json_body
from daemon.api.problems import invalid_config, json_response
from daemon.api.schemas import Cleared, ExplainBody
from daemon.api.services import Services, snapshot_in_force
from daemon.config.provider import lower_name
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.route import check_length
from daemon.router.passed_over import passed_over
from daemon.router.readiness import readiness
from daemon.router.router import RoutedRequest
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.snapshot.models import ModelUnknown
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.diagnosis import Diagnosis
from daemon.upstream.probe import Probe, probe

MOST_EXPLAIN: Final = 64 * 1024
"""Most bytes of the body of ``POST /explain``."""
MOST_PROBES: Final = 32
"""Keys of one provider that a test asks about."""


async def list_auths(services: Services, request: Request) -> Response:
    snapshot = snapshot_in_force(services)
    learned = views.amendments(snapshot, services.live.learned, time.time())
    chosen, recognised = request.query_params.get("provider"), services.live.adapters.recognised
    view = views.auths(
        snapshot, services.states, chosen, learned, services.models_problem, recognised, services.balance
    )
    return json_response(view)


async def clear_cooldown(services: Services, request: Request) -> Response:
    """End every rest of this core auth: the next request may ask it."""
    auth_id = known_auth(services, request)
    return json_response(Cleared(cleared=services.live.router.clear(auth_id)))


async def clear_amendments(services: Services, request: Request) -> Response:
    """Clear what was learned about one core auth: its next request is sent unchanged."""
    auth_id = known_auth(services, request)
    return json_response(Cleared(cleared=services.live.learned.clear(auth_id)))


def known_auth(services: Services, request: Request) -> str:
    """The core auth ID of the path; 404 where there is no such one."""
    auth_id = str(request.path_params["id"])
    if all(auth.id != auth_id for auth in snapshot_in_force(services).core_auths):
        raise LocalError(ErrorKind.NOT_FOUND, f"there is no core auth {auth_id[:100]!r}; GET /auths lists them")
    return auth_id


async def list_models(services: Services, request: Request) -> Response:
    return json_response(views.models(snapshot_in_force(services), request.query_params.get("provider")))


async def list_providers(services: Services, request: Request) -> Response:
    return json_response(views.providers(snapshot_in_force(services)))


async def follow_events(services: Services, request: Request) -> EventStream:
    return EventStream(services.audit)


async def reload(services: Services, request: Request) -> Response:
    """Read the file now and wait: 200 with the result, or 422 with the reasons if it was refused. Where providers fail
    and the rest is applied, or where the file cannot be seen as it is on the host, it is 200 with ``ok: false``."""
    outcome = await services.reloader.reload("management")
    if outcome.refused:
        return json_response(invalid_config(outcome.diagnostics), 422)
    return json_response(views.reload_view(outcome, diagnostics=True))


async def explain(services: Services, request: Request) -> Response:
    """Which providers serve a model name, and why; 404 with the nearest names if none does."""
    body = await json_body(request, ExplainBody, MOST_EXPLAIN)
    check_length(body.model)
    snapshot = snapshot_in_force(services)
    try:
        resolution = snapshot.models.resolve(body.model)
    except ModelUnknown as unknown:
        raise LocalError(ErrorKind.MODEL_NOT_FOUND, str(unknown)) from None
    router, config = services.live.router, snapshot.config
    asked = RoutedRequest(name=resolution.matched, candidates=resolution.candidates, number=0)
    others, candidates = passed_over(snapshot, body.model, resolution), readiness(router, asked)
    return json_response(views.explanation(body, resolution, others, candidates, config.routing.strategy))


def whole_number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A number of the query, not negative, cut to ``most``. Raises 400."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise LocalError(ErrorKind.INVALID_REQUEST, f"{name} must be a whole number from 0")
    return min(int(text), most)


async def probe_provider(services: Services, request: Request) -> Response:
    """Is this provider usable? Free checks only: 200 with the result, good or bad; 404 for an unknown provider.

    The URL is the configured one: no part of the request chooses where the daemon connects to."""
    snapshot = snapshot_in_force(services)
    name = request.path_params["name"]
    auths = auths_to_test(name, snapshot)
    if isinstance(auths, Diagnosis):
        return json_response(views.provider_test(name, [(None, Probe(url="", checks=(), diagnosis=auths))]))
    ca = snapshot.config.upstream_ca
    results = await asyncio.gather(*(probe(auth, egress=services.egress, ca=ca) for auth in auths[:MOST_PROBES]))
    snapshot = snapshot_in_force(services)
    in_force = {each.id for each in snapshot.core_auths}
    for auth, result in zip(auths, results, strict=False):
        if result.is_answered and auth.id in in_force:
            services.live.keys.found(auth, result.diagnosis, snapshot)
    return json_response(views.provider_test(auths[0].name, list(zip(auths, results, strict=False))))


def auths_to_test(name: str, snapshot: Snapshot) -> tuple[CoreAuth, ...] | Diagnosis:
    """The provider's core auths, one for each key, also of a disabled one; a diagnosis where it lacks what a test
    needs. Raises 404."""
    if auths := tuple(auth for auth in snapshot.core_auths if lower_name(auth.name) == lower_name(name)):
        return tuple(auth for auth in auths if auth.source == auths[0].source)
    providers = [each for each in snapshot.providers if each.is_named(name)]
    if not providers:
        raise LocalError(ErrorKind.NOT_FOUND, f"there is no provider {name[:100]!r}")
    provider = providers[-1]  # the last: a tppc provider may be called packycode
    if not provider.base_url.strip():
        return Diagnosis(ok=False, explanation="this provider has no base-url yet", hint="fill in base-url")
    auths, _ = synthesize(snapshot.config, (structs.replace(provider, enabled=True),))
    return auths
