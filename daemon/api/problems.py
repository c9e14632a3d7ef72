"""Errors in the caller's dialect: which dialect a path has, and the response in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from daemon.api.schemas import DiagnosticView, Problem, Refusal
from daemon.config.diagnostics import Diagnostic
from daemon.errors import ErrorKind, GatewayError, LocalError
from daemon.wires.base import Wire
from daemon.wires.table import WIRES

JSON = "application/json"
OPERATOR_PREFIXES = ("/v0/", "/api/v1/")

encode = msgspec.json.encode


def is_operator_path(path: str) -> bool:
    """Whether ``path`` belongs to the management API or the provider store."""
    return path.startswith(OPERATOR_PREFIXES)


def dialect(path: str, headers: Mapping[str, str]) -> Wire:
    """The wire whose error shape a caller of ``path`` expects."""
    anthropic = path.startswith("/v1/messages") or (path.startswith("/v1/") and "anthropic-version" in headers)
    return WIRES["messages" if anthropic else "responses"]


def problem(
    path: str, headers: Mapping[str, str], error: GatewayError, request_id: str
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of ``error`` for a caller of ``path``; ``headers`` are the request's."""
    if is_operator_path(path):
        retry = {} if error.retry_after is None else {"retry-after": str(int(error.retry_after))}
        return error.status, {"content-type": JSON, **retry}, operator_body(error.kind, error.message)
    status, extra, body = dialect(path, headers).encode_error(error, request_id)
    return status, {"content-type": JSON, **extra}, body


def operator_body(code: str, message: str) -> bytes:
    """The error shape of the management API."""
    return encode(Problem(error=code, message=message))


def invalid_config(diagnostics: tuple[Diagnostic, ...], code: str = "invalid_config") -> Refusal:
    """The 422 body of a refused configuration: the sentences joined, and each with its place."""
    errors = [item for item in diagnostics if item.severity == "error"]
    return Refusal(
        error=code,
        message="; ".join(item.message for item in errors) or "the configuration was refused",
        details=[diagnostic_view(item) for item in diagnostics],
    )


def diagnostic_view(item: Diagnostic) -> DiagnosticView:
    """One diagnostic as the API shows it."""
    return DiagnosticView(
        severity=item.severity,
        path=item.dotted,
        line=item.line,
        column=item.column,
        message=item.message,
        hint=item.hint,
        about=item.about or UNSET,
    )


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response with JSON."""
    return Response(encode(content), status, headers, JSON)


def not_found(path: str, routes: Sequence[str]) -> LocalError:
    """404 for a route that does not exist; where it ends as one of ``routes`` does, that one is meant."""
    asked = path.rstrip("/").lower()
    meant = next((route for route in routes if asked.endswith(route.removeprefix("/v1"))), None)
    advice = f"; the route is {meant}: check the base URL that the client is set to" if meant else ""
    return LocalError(ErrorKind.NOT_FOUND, f"there is no route {path[:200]}{advice}")


def wrong_method(path: str, method: str, allowed: str) -> LocalError:
    """405, saying what is allowed."""
    return LocalError(
        ErrorKind.INVALID_REQUEST, f"{path[:200]} does not allow {method[:20]}; allowed: {allowed}", status=405
    )
