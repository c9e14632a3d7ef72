"""A failure as OpenAI's two wires tell a client.

GatewayError ─▶ encode_error      an HTTP answer, and the error chunk of a Chat Completions stream
             ─▶ failure_code      the ``code`` of a ``response.failed``
"""

from __future__ import annotations

import math

import msgspec
from msgspec import UNSET, Struct, UnsetType

from daemon.errors import ErrorKind, GatewayError


class ErrorObject(Struct):
    message: str
    type: str
    param: str | None
    code: str | None
    resets_in_seconds: int | UnsetType = UNSET


class ErrorBody(Struct):
    error: ErrorObject


_TYPE_AND_CODE: dict[ErrorKind, tuple[str, str | None]] = {
    ErrorKind.INVALID_REQUEST: ("invalid_request_error", None),
    ErrorKind.AUTHENTICATION: ("invalid_request_error", "invalid_api_key"),
    ErrorKind.BILLING: ("insufficient_quota", "billing_hard_limit_reached"),
    ErrorKind.PERMISSION: ("permission_error", "permission_denied"),
    ErrorKind.NOT_FOUND: ("invalid_request_error", None),
    ErrorKind.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    ErrorKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    ErrorKind.CONTEXT_LENGTH: ("invalid_request_error", "context_length_exceeded"),
    ErrorKind.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
    ErrorKind.QUOTA: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.OVERLOADED: ("service_unavailable_error", "server_is_overloaded"),
    ErrorKind.TIMEOUT: ("server_error", "timeout"),
    ErrorKind.API: ("server_error", "server_error"),
}

_CODE_IS_FIXED = frozenset({ErrorKind.CONTEXT_LENGTH, ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED})
"""Codex goes by these codes (end the turn, wait, give up); an upstream's own word for them is no use to it."""


def encode_error(error: GatewayError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) in OpenAI's dialect. ``request_id`` travels in the entry's own headers:
    this dialect has no place for it in the body. 529 is Anthropic's alone; here overload is 503."""
    type_ = _TYPE_AND_CODE[error.kind][0]
    code = failure_code(error)
    if error.kind is ErrorKind.QUOTA and code == "usage_limit_reached":
        type_ = code
    body = ErrorObject(message=error.message, type=type_, param=error.param, code=code)
    if type_ == "usage_limit_reached" and error.retry_after is not None:
        body.resets_in_seconds = math.ceil(error.retry_after)
    status = 503 if error.status == 529 else error.status
    return status, _retry_headers(error), msgspec.json.encode(ErrorBody(body))


def failure_code(error: GatewayError) -> str | None:
    """``code`` of the error object: the upstream's, unless clients act on OpenAI's word for this kind."""
    usual = _TYPE_AND_CODE[error.kind][1]
    return usual if error.kind in _CODE_IS_FIXED else error.code or usual


def _retry_headers(error: GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
        if error.retry_after < 60 and error.retry_after != math.ceil(error.retry_after):
            headers["retry-after-ms"] = str(math.ceil(error.retry_after * 1000))
    if error.should_retry is not None:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    return headers
