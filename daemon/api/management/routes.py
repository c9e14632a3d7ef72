"""The management API, ``/v0/management`` and ``/api/v1``: the routes of the table of operations, behind one key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.api.management.access import ManagementAccess
from daemon.api.management.openapi import PREFIX, STORE_PREFIX, Handler
from daemon.api.management.operations import OPERATIONS
from daemon.api.services import Services, snapshot_in_force


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


def mounts(services: Services, access: ManagementAccess) -> list[Mount]:
    """The management API: the key first, so that without it nobody learns which routes exist."""
    return [
        Mount(prefix, Managed(Router(routes(services, prefix), redirect_slashes=False), services, access))
        for prefix in (PREFIX, STORE_PREFIX)
    ]


def routes(services: Services, prefix: str = PREFIX) -> list[BaseRoute]:
    """One route per path, since a second one of the same path would answer 405 to the methods of the first."""
    paths: dict[str, dict[str, Handler]] = {}
    for operation in OPERATIONS:
        if operation.prefix == prefix:
            paths.setdefault(operation.path, {})[operation.method.upper()] = operation.handler
    return [Route(path, _endpoint(services, handlers), methods=[*handlers]) for path, handlers in paths.items()]


def _endpoint(services: Services, handlers: Mapping[str, Handler]) -> Callable[[Request], Awaitable[ASGIApp]]:
    async def endpoint(request: Request) -> ASGIApp:
        # Starlette adds HEAD wherever there is GET.
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        return await handler(services, request)

    return endpoint
