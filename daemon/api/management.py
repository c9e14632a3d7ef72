"""The management API, ``/v0/management``: what is configured and how it does, changing it, events, and reload.

All of it is behind ``Managed``, which checks the caller before any route is looked up.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.api import openapi, views
from daemon.api.answers import Cleared
from daemon.api.config_writes import ConfigRoutes
from daemon.api.event_stream import EventStream
from daemon.api.explain import ExplainRoute
from daemon.api.management_access import ManagementAccess
from daemon.api.problems import answer, invalid_config
from daemon.api.provider_test import ProviderTestRoute
from daemon.api.recent_logs import LogRoute
from daemon.api.services import Services, snapshot_in_force
from daemon.api.status import reload_view
from daemon.errors import ErrorKind, LocalError

PREFIX = "/v0/management"


class Managed:
    """An ASGI application behind the management key."""

    def __init__(self, app: ASGIApp, services: Services, access: ManagementAccess) -> None:
        self._app = app
        self._services = services
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = snapshot_in_force(self._services).config.remote_management
        scope["caller"] = await self._access.check(scope, Request(scope).headers, settings)
        await self._app(scope, receive, send)


class ManagementRoutes:
    """The routes that answer JSON; each reads the snapshot once."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def auths(self, request: Request) -> Response:
        snapshot = snapshot_in_force(self._services)
        learned = views.amendments(snapshot, self._services.live.learned, time.time())
        return answer(views.auths(snapshot, self._services.states, request.query_params.get("provider"), learned))

    async def clear_amendments(self, request: Request) -> Response:
        """Forget what was learned of one core auth: its next request goes up as it is."""
        auth_id = request.path_params["id"]
        if all(auth.id != auth_id for auth in snapshot_in_force(self._services).core_auths):
            raise LocalError(ErrorKind.NOT_FOUND, f"there is no core auth {auth_id[:100]!r}; GET /auths lists them")
        return answer(Cleared(cleared=self._services.live.learned.clear(auth_id)))

    async def models(self, request: Request) -> Response:
        return answer(views.models(snapshot_in_force(self._services), request.query_params.get("provider")))

    async def providers(self, request: Request) -> Response:
        return answer(views.providers(snapshot_in_force(self._services)))

    async def reload(self, request: Request) -> Response:
        """Read the file now and wait: 200 with what came of it, 422 with why it was refused. Where providers fail and
        the rest is in force, it is 200 with ``ok: false``."""
        outcome = await self._services.reloader.reload("management")
        if outcome.ok or outcome.failing:
            return answer(reload_view(outcome, diagnostics=True))
        return answer(invalid_config(outcome.diagnostics), 422)


def mount(services: Services, access: ManagementAccess) -> Mount:
    """The management API: the key first, so that without it nobody learns which routes exist."""
    router = Router(routes(services), redirect_slashes=False)
    return Mount(PREFIX, Managed(router, services, access))


def routes(services: Services) -> list[BaseRoute]:
    """The table of the management API."""
    here, config = ManagementRoutes(services), ConfigRoutes(services)
    return [
        Route("/auths", here.auths),
        Route("/auths/{id}/amendments", here.clear_amendments, methods=["DELETE"]),
        Route("/models", here.models),
        Route("/providers", here.providers),
        Route("/packycode", config.packycode, methods=["GET", "PUT", "PATCH"]),
        Route("/tppc", config.tppc, methods=["GET", "PUT", "PATCH"]),
        Route("/tppc/providers", config.add_provider, methods=["POST"]),
        Route("/tppc/providers/{name}", config.remove_provider, methods=["DELETE"]),
        Route("/config.yaml", config.file, methods=["GET", "PUT"]),
        Route("/history", config.history),
        Route("/rollback", config.rollback, methods=["POST"]),
        Route("/events", EventStream(services.audit), methods=["GET"]),
        Route("/reload", here.reload, methods=["POST"]),
        Route("/explain", ExplainRoute(services).explain, methods=["POST"]),
        Route("/providers/{name}/test", ProviderTestRoute(services).test, methods=["POST"]),
        Route("/logs", LogRoute().lines),
        Route("/openapi.json", openapi.document),
    ]
