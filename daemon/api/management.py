"""The management API, ``/v0/management``: what is configured and how it does, events, and reload.

Every route goes through ``Managed``, which checks the caller before the route runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.api import views
from daemon.api.event_stream import EventStream
from daemon.api.management_access import ManagementAccess
from daemon.api.problems import answer, invalid_config, not_found
from daemon.api.services import Services, snapshot_in_force
from daemon.api.status import reload_view

PREFIX = "/v0/management"

Endpoint = Callable[[Request], Awaitable[Response]]


class Managed:
    """An ASGI application behind the management key."""

    def __init__(self, app: ASGIApp, services: Services, access: ManagementAccess) -> None:
        self._app = app
        self._services = services
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = snapshot_in_force(self._services).config.remote_management
        await self._access.check(scope, Request(scope).headers, settings)
        await self._app(scope, receive, send)


class ManagementRoutes:
    """The routes that answer JSON; each reads the snapshot once."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def auths(self, request: Request) -> Response:
        snapshot = snapshot_in_force(self._services)
        return answer(views.auths(snapshot, self._services.states, request.query_params.get("provider")))

    async def models(self, request: Request) -> Response:
        return answer(views.models(snapshot_in_force(self._services), request.query_params.get("provider")))

    async def providers(self, request: Request) -> Response:
        return answer(views.providers(snapshot_in_force(self._services)))

    async def packycode(self, request: Request) -> Response:
        return answer(views.packycode(snapshot_in_force(self._services)))

    async def tppc(self, request: Request) -> Response:
        return answer(views.tppc(snapshot_in_force(self._services)))

    async def reload(self, request: Request) -> Response:
        """Read the file now and wait: 200 with what came of it, 422 with why it was refused."""
        outcome = await self._services.reloader.reload("management")
        if outcome.ok:
            return answer(reload_view(outcome, diagnostics=True))
        return answer(invalid_config(outcome.diagnostics), 422)

    async def unknown(self, request: Request) -> Response:
        raise not_found(request.url.path)


def routes(services: Services, access: ManagementAccess) -> list[BaseRoute]:
    """The table of the management API."""
    here = ManagementRoutes(services)

    def managed(path: str, app: ASGIApp, *methods: str) -> Route:
        return Route(PREFIX + path, Managed(app, services, access), methods=methods)

    def get(path: str, endpoint: Endpoint) -> Route:
        return managed(path, plain(endpoint), "GET")

    return [
        get("/auths", here.auths),
        get("/models", here.models),
        get("/providers", here.providers),
        get("/packycode", here.packycode),
        get("/tppc", here.tppc),
        managed("/events", EventStream(services.audit), "GET"),
        managed("/reload", plain(here.reload), "POST"),
        # Without the key nobody learns which routes exist.
        Route(PREFIX + "/{path:path}", Managed(plain(here.unknown), services, access)),
    ]


def plain(endpoint: Endpoint) -> ASGIApp:
    """An endpoint as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app
