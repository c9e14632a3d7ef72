"""The daemon's HTTP surface: guard, then the hot entries by dictionary, then everything else by Starlette."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.api.guard import ADMITTED, Guard, request_info
from daemon.api.inference.entry import COMPACT_PATH, COUNTS, ENTRIES, MODELS, entry_of
from daemon.api.inference.entry import entry as inference_entry
from daemon.api.inference.models import ModelRoutes
from daemon.api.management import routes as management
from daemon.api.management.access import ManagementAccess
from daemon.api.problems import is_operator_path, not_found, problem, wrong_method
from daemon.api.public.status import StatusRoutes
from daemon.api.services import Services
from daemon.errors import ErrorKind, GatewayError, LocalError
from daemon.gateway.request_lines import EndedRequest
from daemon.telemetry.trace_context import context_of

HOT_PATHS = (*ENTRIES, *COUNTS, COMPACT_PATH)

Entry = Callable[[Scope, Receive, Send, Services], Awaitable[None]]


def build(
    services: Services, *, entry: Entry = inference_entry, clock: Callable[[], float] = time.monotonic
) -> ASGIApp:
    """The whole application. ``entry`` serves the inference entries; ``clock`` times the lock-outs."""
    serve = InferenceEntry(entry, services)
    errors = ErrorResponses(services)
    app = Starlette(routes=routes(services, clock, serve), exception_handlers=errors.handlers)
    app.router.redirect_slashes = False
    return Guard(app, services.current, dict.fromkeys(HOT_PATHS, serve), errors.report)


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
        Route(MODELS, models.index),
        Route(f"{MODELS}/{{name:path}}", models.one),
        # The guard serves POST itself; these routes refuse the other methods with 405.
        *(Route(path, serve, methods=["POST"]) for path in HOT_PATHS),
        *management.mounts(services, access),
    ]


class ErrorResponses:
    """Answers and reports what is refused outside the entries. Operator paths have the audit log for it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.handlers: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
            GatewayError: self.on_gateway_error,
            HTTPException: self.on_http_error,
            Exception: self.on_failure,
        }

    async def on_gateway_error(self, request: Request, error: Exception) -> Response:
        """Any refusal raised by a route, in the dialect of its path."""
        assert isinstance(error, GatewayError)
        return self._answered(request, error)

    async def on_http_error(self, request: Request, error: Exception) -> Response:
        """Starlette's own errors: no such route, wrong method, and the WebSocket that Codex tries first."""
        assert isinstance(error, HTTPException)
        path = request.url.path
        if request.headers.get("upgrade", "").lower() == "websocket":
            # Codex CLI goes on over HTTP at once after 426; after 404 or 405 it tries for six seconds.
            refusal = LocalError(ErrorKind.INVALID_REQUEST, "WebSockets are not supported; use HTTP", status=426)
            return self._answered(request, refusal, {"upgrade": "HTTP/1.1"})
        if error.status_code == 404:
            return self._answered(request, not_found(path, (*HOT_PATHS, MODELS)))
        allowed = (error.headers or {}).get("Allow", "")
        return self._answered(request, wrong_method(path, request.method, allowed), {"allow": allowed})

    async def on_failure(self, request: Request, error: Exception) -> Response:
        """A fault of ours; the guard logs it."""
        return self._answered(
            request, LocalError(ErrorKind.API, "the daemon failed; its log has the reason", status=500)
        )

    def report(self, scope: Scope, status: int, error: GatewayError) -> None:
        """The request's line, and its count."""
        if is_operator_path(scope["path"]):
            return
        info = request_info(scope)
        self._services.lines.ended(
            EndedRequest(
                entry=entry_of(scope["path"]),
                status=status,
                started=info.started,
                request_id=info.request_id,
                admitted=ADMITTED in scope,
                error=error,
                method=scope["method"],
                headers=context_of(scope["headers"], passes=self._services.passes_traces),
            )
        )

    def _answered(self, request: Request, error: GatewayError, extra: Mapping[str, str] | None = None) -> Response:
        info = request_info(request.scope)
        status, headers, body = problem(request.url.path, request.headers, error, info.request_id)
        self.report(request.scope, status, error)
        return Response(body, status, {**headers, **(extra or {})})
