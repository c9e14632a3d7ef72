"""What can go wrong with a request, whose fault it is, and whether another target may help.

    GatewayError                what a client gets; never contains a secret
    ├── LocalError              the client's fault, or ours: final, nothing cools down
    └── RemoteError             the upstream's fault: carries the upstream's own words

A wire renders an error in its dialect from ``kind`` alone; the router decides from ``failover`` whether
another is tried, and from ``scope`` what gets a cooldown; the raiser knows all three. Foreign exceptions are mapped
to these once, at the border (``upstream.http.transport``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class ErrorKind(StrEnum):
    """The kinds of errors; each wire has a table from kind to its own ``type`` and ``code``."""

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
    MAINTENANCE = "maintenance"
    WRONG_CLIENT = "wrong_client"
    FIREWALL = "firewall"
    CONTENT = "content"
    TIMEOUT = "timeout"
    API = "api"


class Scope(StrEnum):
    """How far a failure reaches, and so what gets a cooldown after it.

    REQUEST nothing; CLIENT nothing for clients of another kind (a relay for Codex only); MODEL this model
    of this credential; CREDENTIAL the key with all its models; PROVIDER the endpoint.
    """

    REQUEST = "request"
    CLIENT = "client"
    MODEL = "model"
    CREDENTIAL = "credential"
    PROVIDER = "provider"


class Failover(StrEnum):
    """Whether another provider may be tried. ONCE: one more, since a second refusal of the same content
    is an answer."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


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
    ErrorKind.MAINTENANCE: 529,
    ErrorKind.WRONG_CLIENT: 400,
    ErrorKind.FIREWALL: 403,
    ErrorKind.CONTENT: 400,
    ErrorKind.TIMEOUT: 504,
    ErrorKind.API: 502,
}


MOST_WORDS: Final = 16 * 1024
"""Characters: room for a list of models."""
MOST_PARAM: Final = 512


class Failure(Struct, frozen=True, kw_only=True):
    """What an upstream said of its failure, read from whatever shape it came in; not yet judged.

    ``status`` is the HTTP status (of a nested body: the inner one), None inside a 200. ``code`` and
    ``type`` are verbatim. ``message`` is what the client is shown, ``beside`` is further text to judge by
    (a heading beside it). ``retry_after`` is in seconds, ``resets_at`` in epoch seconds. ``not_found`` is
    what a plain 404 reaches. ``page`` names what came where no JSON did ("an HTML page").
    """

    status: int | None = None
    code: str | None = None
    type: str | None = None
    param: str | None = None
    message: str = ""
    beside: str = ""
    plan_type: str | None = None
    retry_after: float | None = None
    resets_at: float | None = None
    should_retry: bool | None = None
    not_found: Scope = Scope.REQUEST
    firewall: bool = False
    page: str = ""


class GatewayError(Exception):
    """A failure that a client gets in its own dialect.

    ``message`` is public: it says what happened and what to do. ``status`` is the HTTP status, by
    default the usual one of ``kind``. ``code`` and ``param`` are the upstream's or OpenAI's own
    words where known. ``retry_after`` is in seconds. ``should_retry`` false tells SDKs to give up.
    ``details`` is put into the Anthropic error object (the SDK's thread fall-back reads it). ``resets_at``
    (epoch seconds) is when a limit ends, where that is known; ``plan_type`` is the ChatGPT plan it belongs to.
    ``messages_type`` is the ``type`` toward a Messages client where the kind's own is not what it acts on.
    ``reason`` is the word for the log, one of ``telemetry.failure_cause.REASONS`` or ``http_NNN``; '' where kind
    and status say it (``failure_cause.reason_of``).
    """

    scope = Scope.REQUEST
    failover = Failover.NEVER
    resets_at: float | None = None
    plan_type: str | None = None
    messages_type: str | None = None
    most_words: int | None = None
    most_param: int | None = None
    """Characters of ``message`` and ``param``; None: all."""

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
        reason: str = "",
    ) -> None:
        if self.most_words is not None and len(message) > self.most_words:
            message = f"{message[: self.most_words]}…"
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = STATUS[kind] if status is None else status
        self.code = code
        self.param = param if param is None or self.most_param is None else param[: self.most_param]
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.details = details
        self.reason = reason


class LocalError(GatewayError):
    """The client's fault or our own limit: asking another target would not help. Words of ours that quote the client's
    are not longer than ``MOST_WORDS``, whatever it sent."""

    most_words = MOST_WORDS
    most_param = MOST_PARAM


def stopping() -> LocalError:
    """The daemon has been asked to stop."""
    message = "the gateway is stopping; retry in a moment"
    return LocalError(ErrorKind.OVERLOADED, message, retry_after=2, reason="stopping")


def internal() -> LocalError:
    """A fault of ours, whose traceback is in the log."""
    return LocalError(ErrorKind.API, "the gateway failed; its log has the request id", status=500)


class RemoteError(GatewayError):
    """The upstream's fault. ``upstream_status`` is its HTTP status, None if it did not respond.

    ``scope`` says what gets a cooldown, ``failover`` whether another is tried (by default unless the request is at
    fault). ``upstream_type`` is the upstream's own error type, verbatim. ``evidence`` is the piece of its
    text that decided the kind, '' where a code, a type or the status did; ``failure`` is what was judged.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        scope: Scope = Scope.PROVIDER,
        failover: Failover | None = None,
        upstream_status: int | None = None,
        upstream_type: str | None = None,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        evidence: str = "",
        failure: Failure | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(
            kind,
            message,
            status=status,
            code=code,
            param=param,
            retry_after=retry_after,
            should_retry=should_retry,
            reason=reason,
        )
        self.scope = scope
        self.failover = failover or (Failover.NEVER if scope is Scope.REQUEST else Failover.ALWAYS)
        self.upstream_status = upstream_status
        self.upstream_type = upstream_type
        self.evidence = evidence
        self.failure = failure
