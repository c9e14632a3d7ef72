"""A failure as a client of OpenAI's two wires gets it.

GatewayError ─▶ encode_error      an HTTP answer, and the error chunk of a Chat Completions stream
             ─▶ failure_code      the ``code`` of a ``response.failed``

Codex CLI 0.171 (measured 2026-11) sends a request thirty times where it gets 5xx, six times at 402 and 403, once at
400, 404 and a 429 of ``insufficient_quota`` or ``usage_limit_reached``; of the latter it reads
``resets_at`` and ``plan_type``.
"""

from __future__ import annotations

import math

import msgspec
from msgspec import UNSET, Struct, UnsetType

from daemon.errors import ErrorKind, GatewayError
from daemon.wires.failures.judge import is_long_wait


class ErrorObject(Struct):
    message: str
    type: str
    param: str | None
    code: str | None
    plan_type: str | UnsetType = UNSET
    resets_at: int | UnsetType = UNSET
    resets_in_seconds: int | UnsetType = UNSET


class ErrorBody(Struct):
    error: ErrorObject


_TYPE_AND_CODE: dict[ErrorKind, tuple[str, str | None]] = {
    ErrorKind.INVALID_REQUEST: ("invalid_request_error", None),
    ErrorKind.AUTHENTICATION: ("invalid_request_error", "invalid_api_key"),
    ErrorKind.BILLING: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.PERMISSION: ("permission_error", "permission_denied"),
    ErrorKind.NOT_FOUND: ("invalid_request_error", None),
    ErrorKind.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    ErrorKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    ErrorKind.CONTEXT_LENGTH: ("invalid_request_error", "context_length_exceeded"),
    ErrorKind.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
    ErrorKind.QUOTA: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.OVERLOADED: ("service_unavailable_error", "server_is_overloaded"),
    ErrorKind.MAINTENANCE: ("service_unavailable_error", "server_is_overloaded"),
    ErrorKind.WRONG_CLIENT: ("invalid_request_error", None),
    ErrorKind.FIREWALL: ("permission_error", "permission_denied"),
    ErrorKind.CONTENT: ("invalid_request_error", "content_policy_violation"),
    ErrorKind.TIMEOUT: ("server_error", "timeout"),
    ErrorKind.API: ("server_error", "server_error"),
}

_KEPT_CODES: dict[ErrorKind, frozenset[str]] = {
    ErrorKind.CONTEXT_LENGTH: frozenset(),
    ErrorKind.RATE_LIMIT: frozenset(),
    ErrorKind.OVERLOADED: frozenset(),
    ErrorKind.MAINTENANCE: frozenset(),
    ErrorKind.MODEL_NOT_FOUND: frozenset(),
    ErrorKind.AUTHENTICATION: frozenset(),
    ErrorKind.BILLING: frozenset(),
    ErrorKind.FIREWALL: frozenset(),
    ErrorKind.QUOTA: frozenset({"usage_limit_reached", "usage_not_included"}),
    ErrorKind.CONTENT: frozenset({"cyber_policy"}),
}
"""Kinds by whose code clients act (Codex ends the turn, waits, prints the bare words): an upstream's own code
is no use to them, except for these. Kinds that are not here keep the upstream's."""

_STATUS: dict[ErrorKind, int] = {ErrorKind.BILLING: 429, ErrorKind.OVERLOADED: 503, ErrorKind.MAINTENANCE: 503}
"""529 is Anthropic's alone, and 402 makes Codex send its request six times."""

_LIMIT = "usage_limit_reached"
"""Matched by Codex CLI 0.171 (2026-11), which ends its turn and shows when the limit ends."""


def encode_error(error: GatewayError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) in OpenAI's dialect. ``request_id`` travels in the entry's own headers:
    this dialect has no place for it in the body."""
    type_, code = _TYPE_AND_CODE[error.kind][0], _code(error)
    if code == _LIMIT or _is_limit(error):
        type_ = code = _LIMIT
    body = ErrorObject(message=error.message, type=type_, param=error.param, code=code)
    if type_ == _LIMIT:
        body.plan_type = error.plan_type or UNSET
        body.resets_at = UNSET if error.resets_at is None else math.ceil(error.resets_at)
        body.resets_in_seconds = UNSET if error.retry_after is None else math.ceil(error.retry_after)
    own = error.status == 529 or error.kind is ErrorKind.BILLING
    status = _STATUS.get(error.kind, 503) if own else error.status
    return status, _retry_headers(error), msgspec.json.encode(ErrorBody(body))


def failure_code(error: GatewayError) -> str | None:
    """``code`` of a ``response.failed``. Inside a stream Codex ends the turn at ``server_is_overloaded``, which
    it retries as an HTTP answer (codex-proxy-rs#152); a long wait it would sit out."""
    if error.kind in (ErrorKind.OVERLOADED, ErrorKind.MAINTENANCE):
        return "server_error"
    if error.kind is ErrorKind.RATE_LIMIT and _is_limit(error):
        return "insufficient_quota"
    return _code(error)


def _code(error: GatewayError) -> str | None:
    """The upstream's, unless clients act on OpenAI's word for this kind."""
    usual, own_codes = _TYPE_AND_CODE[error.kind][1], _KEPT_CODES.get(error.kind)
    return (error.code or usual) if own_codes is None or error.code in own_codes else usual


def _is_limit(error: GatewayError) -> bool:
    """Whether it is a limit of which is known when it ends, too late to wait for it."""
    if error.kind is ErrorKind.QUOTA:
        return error.retry_after is not None or error.resets_at is not None
    return error.kind is ErrorKind.RATE_LIMIT and is_long_wait(error)


def _retry_headers(error: GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
        if error.retry_after < 60 and error.retry_after != math.ceil(error.retry_after):
            headers["retry-after-ms"] = str(math.ceil(error.retry_after * 1000))
    if error.should_retry is not None or is_long_wait(error):
        headers["x-should-retry"] = "true" if error.should_retry and not is_long_wait(error) else "false"
    return headers
