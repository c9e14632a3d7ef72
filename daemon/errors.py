"""What can go wrong with a request, whose fault it is, and whether another target may help.

    GatewayError                what a client is told; never holds a secret
    ├── LocalError              the client's fault, or ours: final, nothing cools down
    └── RemoteError             the upstream's fault: carries the upstream's own words

A wire renders an error in its dialect from ``kind`` alone; the router decides from ``scope``; the
raiser knows both. Foreign exceptions are mapped to these once, at the border (``upstream.transport``).
"""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """The field's error classes; each wire has a table from kind to its own ``type`` and ``code``."""

    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    BILLING = "billing"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    TOO_LARGE = "too_large"
    CONTEXT_LENGTH = "context_length"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    API = "api"


class Scope(StrEnum):
    """How far a failure reaches: one request, one credential, or the whole provider."""

    REQUEST = "request"
    CREDENTIAL = "credential"
    PROVIDER = "provider"


STATUS: dict[ErrorKind, int] = {
    ErrorKind.INVALID_REQUEST: 400,
    ErrorKind.AUTHENTICATION: 401,
    ErrorKind.BILLING: 402,
    ErrorKind.PERMISSION: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.MODEL_NOT_FOUND: 404,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.CONTEXT_LENGTH: 400,
    ErrorKind.RATE_LIMIT: 429,
    ErrorKind.QUOTA: 429,
    ErrorKind.OVERLOADED: 529,
    ErrorKind.TIMEOUT: 504,
    ErrorKind.API: 502,
}


class GatewayError(Exception):
    """A failure that a client is told in its own dialect.

    ``message`` is public: it says what happened and what to do. ``status`` is the HTTP status, by
    default the usual one of ``kind``. ``code`` and ``param`` are the upstream's or OpenAI's own
    words where known. ``retry_after`` is in seconds. ``should_retry`` false tells SDKs to give up.
    ``details`` is put into the Anthropic error object (the SDK's thread fall-back reads it).
    """

    scope = Scope.REQUEST

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = STATUS[kind] if status is None else status
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.details = details


class LocalError(GatewayError):
    """The client's fault or our own limit: asking another target would not help."""


class RemoteError(GatewayError):
    """The upstream's fault. ``upstream_status`` is what it answered, None when it did not answer.

    ``scope`` says what rests: REQUEST = this request is at fault (no failover), CREDENTIAL = this
    key, PROVIDER = the endpoint. ``upstream_type`` is the upstream's own error type, verbatim.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        scope: Scope = Scope.PROVIDER,
        upstream_status: int | None = None,
        upstream_type: str | None = None,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(
            kind, message, status=status, code=code, param=param, retry_after=retry_after, should_retry=should_retry
        )
        self.scope = scope
        self.upstream_status = upstream_status
        self.upstream_type = upstream_type
