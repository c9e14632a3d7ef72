"""Whether the daemon is alive and ready, and its metrics. None of it needs a client key or shows a secret."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management.access import ManagementAccess, offered_key
from daemon.api.management.views import reload_view
from daemon.api.problems import json_response
from daemon.api.services import Services
from daemon.errors import GatewayError
from daemon.gateway.access import check_names
from daemon.gateway.caller import caller
from daemon.gateway.own_names import host_name, is_own_name
from daemon.snapshot.core_auths import Verified
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.metrics import CONTENT_TYPE, AuthNumbers, Metrics

KEY_VERIFIED: Final[Mapping[Verified, int]] = {"yes": 1, "no": 0}


def auth_numbers(services: Services, snapshot: Snapshot) -> Iterator[AuthNumbers]:
    """How each core auth stands, and each provider that has none because it is disabled or failed."""
    for auth in snapshot.core_auths:
        load, balance, view = services.states.load(auth.id), services.balance(auth.id), services.states.view(auth.id)
        yield AuthNumbers(
            id=auth.id,
            name=auth.name,
            state=view.state,
            rests=tuple(services.states.resting(auth.id)),
            running=load.running,
            waiting=load.waiting,
            limit=load.limit,
            headroom=load.headroom,
            balance=None if balance is None else balance.amount,
            key_verified=KEY_VERIFIED.get(view.verified),
        )
    for provider in snapshot.named_providers:
        if provider.failed or not provider.enabled:
            yield AuthNumbers(id="", name=provider.name, state="failed" if provider.enabled else "disabled")


def metrics_of_now(services: Services) -> Metrics:
    """The metrics, with what changes without an event brought up to date."""
    snapshot = services.current.get_or_none()
    services.metrics.auths(() if snapshot is None else auth_numbers(services, snapshot))
    return services.metrics


class StatusRoutes:
    """``access`` decides whether a remote caller sees diagnostics."""

    def __init__(self, services: Services, access: ManagementAccess) -> None:
        self._services = services
        self._access = access

    async def hello(self, request: Request) -> Response:
        """A cheap 200, which some clients request at their start."""
        return json_response({"service": "tppcd", "status": "ok"})

    async def health(self, request: Request) -> Response:
        """Alive; 200 also when degraded, since restarting would not fix the file."""
        services = self._services
        snapshot = services.current.get_or_none()
        outcome = services.reloader.outcome
        body: dict[str, object] = {
            "status": "degraded" if outcome is not None and outcome.degraded else "ok",
            "version": services.version,
            "uptime": round(time.monotonic() - services.started, 3),
            "generation": snapshot.generation if snapshot is not None else 0,
            "revision": snapshot.revision if snapshot is not None else "",
            "draining": services.draining,
            "last-reload": None,
        }
        if outcome is not None:
            body["last-reload"] = reload_view(outcome, diagnostics=await self._may_see_diagnostics(request))
        return json_response(body)

    async def ready(self, request: Request) -> Response:
        """503 until the first snapshot and while draining; degraded is still ready."""
        if self._services.draining:
            return json_response({"status": "draining"}, 503)
        if self._services.current.get_or_none() is None:
            return json_response({"status": "starting"}, 503)
        return json_response({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        services = self._services
        snapshot = services.current.get_or_none()
        if snapshot is not None and not snapshot.config.api_keys:
            check_names(request.scope, request.headers, snapshot.config.host)
        return Response(metrics_of_now(services).exposition(), media_type=CONTENT_TYPE)

    async def _may_see_diagnostics(self, request: Request) -> bool:
        """Diagnostics quote the file: they are for this host and for whoever holds the management key."""
        snapshot = self._services.current.get_or_none()
        if snapshot is None:
            return caller(request.scope).local
        config = snapshot.config
        own_name = is_own_name(host_name(request.headers.get("host", "")), config.host)
        if caller(request.scope, config.remote_management.trusted_proxies).local and own_name:
            return True
        if not offered_key(request.headers):
            return False
        try:
            await self._access.check(request.scope, request.headers, config.remote_management)
        except GatewayError:
            return False
        return True
