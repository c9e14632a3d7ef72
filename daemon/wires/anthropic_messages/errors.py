"""Errors of the Messages API, both ways: our errors in its envelope, an upstream's envelope as ours.

Claude Code and the SDKs act on three things: the status, the ``type``, and for a prompt that is too
long on the sentence ``prompt is too long: A tokens > B maximum`` (reactive compaction).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from daemon.errors import ErrorKind, GatewayError, RemoteError, Scope
from daemon.wires.anthropic_messages.schema import ErrorObject
from daemon.wires.context_length import context_numbers, speaks_of_context_length
from daemon.wires.raw_json import NOT_JSON
from daemon.wires.upstream_failures import KIND_OF_STATUS, SCOPE_OF_KIND

TYPES: Mapping[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: "invalid_request_error",
    ErrorKind.AUTHENTICATION: "authentication_error",
    ErrorKind.BILLING: "billing_error",
    ErrorKind.PERMISSION: "permission_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.MODEL_NOT_FOUND: "not_found_error",
    ErrorKind.TOO_LARGE: "request_too_large",
    ErrorKind.CONTEXT_LENGTH: "invalid_request_error",
    ErrorKind.RATE_LIMIT: "rate_limit_error",
    ErrorKind.QUOTA: "rate_limit_error",
    ErrorKind.OVERLOADED: "overloaded_error",
    ErrorKind.TIMEOUT: "timeout_error",
    ErrorKind.API: "api_error",
}

_KINDS: Mapping[str, ErrorKind] = {
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "authentication_error": ErrorKind.AUTHENTICATION,
    "billing_error": ErrorKind.BILLING,
    "permission_error": ErrorKind.PERMISSION,
    "not_found_error": ErrorKind.NOT_FOUND,
    "request_too_large": ErrorKind.TOO_LARGE,
    "rate_limit_error": ErrorKind.RATE_LIMIT,
    "overloaded_error": ErrorKind.OVERLOADED,
    "timeout_error": ErrorKind.TIMEOUT,
    "api_error": ErrorKind.API,
}

_LIMIT_OF_OUTPUT = "input length and `max_tokens`"
"""How the API begins where a smaller ``max_tokens`` would fit; Claude Code lowers it when it reads that."""


class _Envelope(Struct):
    error: ErrorObject | str | None = None


def encode_error(error: GatewayError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """(status, extra headers, body) of a failed request."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    if error.should_retry is not None or error.kind is ErrorKind.QUOTA:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    body = {"type": "error", "error": error_object(error), "request_id": request_id}
    return error.status, headers, msgspec.json.encode(body)


def error_object(error: GatewayError) -> dict[str, object]:
    """The ``error`` of an envelope, and of an ``error`` event."""
    message = error.message
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        message = reword_context_length(message, None, None)
    body: dict[str, object] = {"type": TYPES[error.kind], "message": message}
    if error.details is not None:
        body["details"] = error.details
    return body


def reword_context_length(message: str, estimate: int | None, limit: int | None) -> str:
    """An upstream's words for a prompt that is too long, as the sentence that Claude Code acts on.

    The upstream's own numbers win; ``estimate`` (of the prompt) and ``limit`` (of the model) fill
    in for what it does not say. The upstream's text is kept at the end.
    """
    if message.lower().startswith(("prompt is too long", _LIMIT_OF_OUTPUT)):
        return message
    asked, maximum = context_numbers(message)
    asked, maximum = asked or estimate, maximum or limit
    if asked is not None and maximum is not None:
        # Claude Code computes what to cut from A - B; an estimate below the limit would make no sense.
        return f"prompt is too long: {max(asked, maximum + 1)} tokens > {maximum} maximum (upstream: {message})"
    return f"prompt is too long (upstream: {message})"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> GatewayError:
    """What an upstream's HTTP error means. ``headers`` have lower-case names."""
    said = _error_of(body)
    should_retry = headers.get("x-should-retry")
    return remote_error(
        said,
        status=status,
        retry_after=_retry_after(headers),
        should_retry=None if should_retry is None else should_retry == "true",
    )


def remote_error(
    said: ErrorObject, *, status: int | None = None, retry_after: float | None = None, should_retry: bool | None = None
) -> RemoteError:
    """An error object, from an HTTP answer (with ``status``) or from inside a stream (without)."""
    kind = _kind(said, status)
    return RemoteError(
        kind,
        _message(said, kind, status),
        scope=SCOPE_OF_KIND.get(kind, Scope.PROVIDER),
        upstream_status=status,
        upstream_type=said.type,
        status=status if status is not None and kind in (ErrorKind.API, ErrorKind.INVALID_REQUEST) else None,
        retry_after=retry_after,
        should_retry=should_retry,
    )


def _kind(said: ErrorObject, status: int | None) -> ErrorKind:
    by_status = KIND_OF_STATUS.get(status or 0)
    kind = _KINDS.get(said.type or "") or by_status
    if kind is None:
        kind = ErrorKind.INVALID_REQUEST if 400 <= (status or 0) < 500 else ErrorKind.API
    message = said.message or ""
    if kind is ErrorKind.INVALID_REQUEST and speaks_of_context_length(message):
        return ErrorKind.CONTEXT_LENGTH
    if kind is ErrorKind.INVALID_REQUEST and "credit balance" in message:
        return ErrorKind.BILLING
    if kind is ErrorKind.NOT_FOUND and "model" in message:
        return ErrorKind.MODEL_NOT_FOUND
    return kind


def _message(said: ErrorObject, kind: ErrorKind, status: int | None) -> str:
    if kind in (ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION):
        # Upstreams repeat the key in these; the key is ours, not the client's.
        return f"the provider refused the gateway's credential ({status or said.type}): check its key in config.yaml"
    if said.message:
        return said.message
    return f"the upstream answered {status} without an error message" if status else "the upstream's answer failed"


def _error_of(body: bytes) -> ErrorObject:
    try:
        said = msgspec.json.decode(body, type=_Envelope).error
    except NOT_JSON:
        return ErrorObject(message=_plain(body))
    return said if isinstance(said, ErrorObject) else ErrorObject(message=said or _plain(body))


def _plain(body: bytes) -> str | None:
    """A short text that is no JSON envelope, on one line. HTML pages say nothing a client could use."""
    text = " ".join(body[:1000].decode("utf-8", "replace").split())
    return None if not text or text.startswith("<") else text[:300]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from ``retry-after-ms``, or ``retry-after`` as a number or as a date (against ``date``)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
