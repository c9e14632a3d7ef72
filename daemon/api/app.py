"""The daemon's HTTP surface: guard, then the hot entries by dictionary, then everything else by Starlette."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.api.guard import Guard, request_info
from daemon.api.inference.entry import COUNT_TOKENS, ENTRIES
from daemon.api.inference.entry import entry as inference_entry
from daemon.api.inference.models import ModelRoutes
from daemon.api.management import routes as management
from daemon.api.management.access import ManagementAccess
from daemon.api.problems import not_found, problem, wrong_method
from daemon.api.public.status import StatusRoutes
from daemon.api.services import Services
from daemon.errors import ErrorKind, GatewayError, LocalError

HOT_PATHS = (*ENTRIES, COUNT_TOKENS)

Entry = Callable[[Scope, Receive, Send, Services], Awaitable[None]]


def build(
    services: Services, *, entry: Entry = inference_entry, clock: Callable[[], float] = time.monotonic
) -> ASGIApp:
    """The whole application. ``entry`` serves the inference entries; ``clock`` times the lock-outs."""
    serve = InferenceEntry(entry, services)
    app = Starlette(routes=routes(services, clock, serve), exception_handlers=HANDLERS)
    app.router.redirect_slashes = False
    return Guard(app, services.current, dict.fromkeys(HOT_PATHS, serve))


class InferenceEntry:
    """The entries' function with its services, as an ASGI application."""

    def __init__(self, entry: Entry, services: Services) -> None:
        self._entry = entry
        self._services = services

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._entry(scope, receive, send, self._services)  # itself no coroutine: one less to wake per event


def routes(services: Services, clock: Callable[[], float], serve: ASGIApp) -> list[BaseRoute]:
    """Every route, as a table of contents."""
    access = ManagementAccess(clock, services.audit)
    status = StatusRoutes(services, access)
    models = ModelRoutes(services)
    return [
        Route("/", status.hello, methods=["GET", "OPTIONS"]),  # HAProxy's `option httpchk` as it comes
        Route("/api/hello", status.hello),
        Route("/healthz", status.health),
        Route("/readyz", status.ready),
        Route("/metrics", status.metrics),
        Route("/v1/models", models.index),
        Route("/v1/models/{name:path}", models.one),
        # The guard serves POST itself; these routes refuse the other methods with 405.
        *(Route(path, serve, methods=["POST"]) for path in HOT_PATHS),
        *management.mounts(services, access),
    ]


async def on_gateway_error(request: Request, error: Exception) -> Response:
    """Any refusal raised by a route, in the dialect of its path."""
    assert isinstance(error, GatewayError)
    return rendered(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, wrong method, and the WebSocket that Codex tries first."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if request.headers.get("upgrade", "").lower() == "websocket":
        # Codex CLI goes on over HTTP at once after 426; after 404 or 405 it tries for six seconds.
        refusal = LocalError(ErrorKind.INVALID_REQUEST, "WebSockets are not supported; use HTTP", status=426)
        return rendered(request, refusal, {"upgrade": "HTTP/1.1"})
    if error.status_code == 404:
        return rendered(request, not_found(path))
    allowed = (error.headers or {}).get("Allow", "")
    return rendered(request, wrong_method(path, request.method, allowed), {"allow": allowed})


async def on_failure(request: Request, error: Exception) -> Response:
    """A fault of ours; the guard logs it."""
    return rendered(request, LocalError(ErrorKind.API, "the daemon failed; its log has the reason", status=500))


HANDLERS: Mapping[type[Exception] | int, Callable[[Request, Exception], Awaitable[Response]]] = {
    GatewayError: on_gateway_error,
    HTTPException: on_http_error,
    Exception: on_failure,
}


def rendered(request: Request, error: GatewayError, extra: Mapping[str, str] | None = None) -> Response:
    info = request_info(request.scope)
    status, headers, body = problem(request.url.path, request.headers, error, info.request_id)
    return Response(body, status, {**headers, **(extra or {})})
