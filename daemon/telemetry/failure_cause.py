"""What log and metrics say of a failure: a word for what happened, and who can change it. Pure.

    GatewayError ─▶ reason_of ─▶ ``reason`` of the log line      one word, ``REASONS`` or ``http_NNN``
                 ─▶ cause_of  ─▶ ``cause`` of the counter        one of ``Cause``
                 ─▶ level_of  ─▶ the level of the line

An upstream's class (``ErrorKind``) says whose fault it is, unless it is the vague ``api``; then the reason does, as
it always does for errors of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from daemon.errors import ErrorKind, GatewayError, RemoteError


class Cause(StrEnum):
    """Who can change it. ``CLIENT`` who sent the request, ``CONFIGURATION`` who runs this daemon, ``UPSTREAM``
    nobody here, ``LIMIT`` time or money, ``GATEWAY`` who writes this program."""

    CLIENT = "client"
    CONFIGURATION = "configuration"
    UPSTREAM = "upstream"
    LIMIT = "limit"
    GATEWAY = "gateway"


class Reason(StrEnum):
    """Every word that the log has for a failure, besides ``http_NNN``."""

    # On the way to the upstream
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    PROXY = "proxy"
    NOT_HTTP = "not_http"
    REDIRECT = "redirect"
    FORBIDDEN_ADDRESS = "forbidden_address"
    UNSENDABLE = "unsendable"
    CUT = "cut"
    # In its answer
    PAGE = "page"
    ERROR_EVENT = "error_event"
    INVALID_ANSWER = "invalid_answer"
    ANSWER_TOO_LARGE = "answer_too_large"
    # Either way
    TIMEOUT = "timeout"
    # Before any upstream was asked
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    FORBIDDEN_HOST = "forbidden_host"
    NO_ROUTE = "no_route"
    WRONG_METHOD = "wrong_method"
    WEBSOCKET = "websocket"
    TOO_LARGE = "too_large"
    HEAD_TOO_LARGE = "head_too_large"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNKNOWN_MODEL = "unknown_model"
    NO_PROVIDER = "no_provider"
    UNRESOLVED = "unresolved"
    TOO_MANY = "too_many"
    STARTING = "starting"
    STOPPING = "stopping"
    # While it was served
    CLIENT_STALLED = "client_stalled"
    DISCONNECTED = "disconnected"
    INTERNAL = "internal"


REASONS: Final[Mapping[Reason, tuple[str, Cause]]] = {
    Reason.DNS: ("the name of the upstream does not resolve", Cause.CONFIGURATION),
    Reason.REFUSED: ("the upstream refused the connection", Cause.UPSTREAM),
    Reason.UNREACHABLE: ("no connection to the upstream for another reason", Cause.UPSTREAM),
    Reason.TLS: ("the upstream's certificate or its TLS handshake failed", Cause.CONFIGURATION),
    Reason.PROXY: ("the proxy of `proxy-url` did not connect", Cause.CONFIGURATION),
    Reason.NOT_HTTP: ("what answered is not an HTTP server", Cause.CONFIGURATION),
    Reason.REDIRECT: ("the upstream redirects: its `base-url` is another one", Cause.CONFIGURATION),
    Reason.FORBIDDEN_ADDRESS: ("the upstream is at an address that was not allowed for it", Cause.CONFIGURATION),
    Reason.UNSENDABLE: ("a header or key of the provider cannot be sent", Cause.CONFIGURATION),
    Reason.CUT: ("the upstream closed the connection before its answer was complete", Cause.UPSTREAM),
    Reason.PAGE: ("the upstream sent a web page, or nothing: its `base-url` may be wrong", Cause.CONFIGURATION),
    Reason.ERROR_EVENT: ("the upstream reported an error inside a 200", Cause.UPSTREAM),
    Reason.INVALID_ANSWER: ("the upstream's answer is not one of its API", Cause.UPSTREAM),
    Reason.ANSWER_TOO_LARGE: ("the upstream's answer is larger than the daemon keeps", Cause.UPSTREAM),
    Reason.TIMEOUT: ("the upstream, or the client with its request, took too long", Cause.UPSTREAM),
    Reason.BAD_REQUEST: ("the request is not valid", Cause.CLIENT),
    Reason.UNAUTHORIZED: ("no key or a wrong key, or the client is on another host", Cause.CLIENT),
    Reason.FORBIDDEN_ORIGIN: ("a web page of another origin sent the request", Cause.CLIENT),
    Reason.FORBIDDEN_HOST: ("the request's Host is none of the daemon's names", Cause.CLIENT),
    Reason.NO_ROUTE: ("there is no such path", Cause.CLIENT),
    Reason.WRONG_METHOD: ("the path does not allow this method", Cause.CLIENT),
    Reason.WEBSOCKET: ("the client asked for a WebSocket (Codex does, then uses HTTP)", Cause.CLIENT),
    Reason.TOO_LARGE: ("the body is larger than `limits.body`", Cause.CLIENT),
    Reason.HEAD_TOO_LARGE: ("the head of the request is too large", Cause.CLIENT),
    Reason.UNSUPPORTED_ENCODING: ("the body's content-encoding is not supported", Cause.CLIENT),
    Reason.UNKNOWN_MODEL: ("no provider serves the model", Cause.CONFIGURATION),
    Reason.NO_PROVIDER: ("no provider is enabled and in service", Cause.CONFIGURATION),
    Reason.UNRESOLVED: (
        "a provider that would be asked is out of service, since a reference (`env:`, `file:`) failed",
        Cause.CONFIGURATION,
    ),
    Reason.TOO_MANY: ("more requests or connections at once than the limit", Cause.LIMIT),
    Reason.STARTING: ("no configuration has been loaded yet", Cause.GATEWAY),
    Reason.STOPPING: ("the daemon is stopping", Cause.GATEWAY),
    Reason.CLIENT_STALLED: ("the client stopped reading its answer", Cause.CLIENT),
    Reason.DISCONNECTED: ("the client disconnected", Cause.CLIENT),
    Reason.INTERNAL: ("a fault of the daemon: the log has a traceback with the same `request_id`", Cause.GATEWAY),
}
"""What each word means, and whose failure it is where the upstream's class does not say more."""

OF_KIND: Final[Mapping[ErrorKind, Cause]] = {
    ErrorKind.INVALID_REQUEST: Cause.CLIENT,
    ErrorKind.AUTHENTICATION: Cause.CONFIGURATION,
    ErrorKind.BILLING: Cause.LIMIT,
    ErrorKind.PERMISSION: Cause.CONFIGURATION,
    ErrorKind.NOT_FOUND: Cause.CONFIGURATION,
    ErrorKind.MODEL_NOT_FOUND: Cause.CONFIGURATION,
    ErrorKind.TOO_LARGE: Cause.CLIENT,
    ErrorKind.CONTEXT_LENGTH: Cause.CLIENT,
    ErrorKind.RATE_LIMIT: Cause.LIMIT,
    ErrorKind.QUOTA: Cause.LIMIT,
    ErrorKind.OVERLOADED: Cause.UPSTREAM,
    ErrorKind.MAINTENANCE: Cause.UPSTREAM,
    ErrorKind.WRONG_CLIENT: Cause.CONFIGURATION,
    ErrorKind.FIREWALL: Cause.UPSTREAM,
    ErrorKind.CONTENT: Cause.CLIENT,
    ErrorKind.TIMEOUT: Cause.UPSTREAM,
}
"""Whose failure an upstream's error is; ``api`` alone says nothing."""

_OWN_KIND: Final[Mapping[ErrorKind, Reason]] = {ErrorKind.MODEL_NOT_FOUND: Reason.UNKNOWN_MODEL}
_OWN_STATUS: Final[Mapping[int, Reason]] = {
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN_ORIGIN,
    404: Reason.NO_ROUTE,
    405: Reason.WRONG_METHOD,
    408: Reason.TIMEOUT,
    413: Reason.TOO_LARGE,
    415: Reason.UNSUPPORTED_ENCODING,
    426: Reason.WEBSOCKET,
    429: Reason.TOO_MANY,
    431: Reason.HEAD_TOO_LARGE,
    504: Reason.CLIENT_STALLED,
}


def reason_of(error: GatewayError) -> str:
    """The word for what happened: the error's own, else by what is known of it. Never empty."""
    if error.reason:
        return error.reason
    if isinstance(error, RemoteError):
        return _of_upstream(error)
    by_status = _OWN_STATUS.get(error.status, Reason.INTERNAL if error.status >= 500 else Reason.BAD_REQUEST)
    return _OWN_KIND.get(error.kind, by_status).value


def cause_of(error: GatewayError) -> Cause:
    """Who can change it."""
    reason = reason_of(error)
    if isinstance(error, RemoteError):
        if error.kind in OF_KIND:
            return OF_KIND[error.kind]
        if _is_wrong_address(error):
            return Cause.CONFIGURATION
    elif reason == Reason.TIMEOUT:
        return Cause.CLIENT
    return REASONS[Reason(reason)][1] if reason in _WORDS else Cause.UPSTREAM


def level_of(status: int, error: GatewayError | None) -> str:
    """The level of a finished request's line: ERROR from 500 on, WARNING for what an upstream refused, else INFO."""
    if status >= 500:
        return "ERROR"
    return "WARNING" if isinstance(error, RemoteError) else "INFO"


_WORDS: Final = frozenset(REASONS)


def _is_wrong_address(error: RemoteError) -> bool:
    """A page in place of an API, which is not the upstream's own failure (``judge`` finds no other meaning in it)."""
    return error.failure is not None and bool(error.failure.page) and (error.upstream_status or 0) < 500


def _of_upstream(error: RemoteError) -> str:
    status = error.upstream_status
    if status is not None and 400 <= status <= 999:
        return f"http_{status}"
    if status is not None and 300 <= status < 400:
        return Reason.REDIRECT.value
    if error.kind is ErrorKind.TIMEOUT:
        return Reason.TIMEOUT.value
    if error.failure is None:
        return Reason.INVALID_ANSWER.value
    return (Reason.PAGE if error.failure.page else Reason.ERROR_EVENT).value
