"""What a connection is refused with, before or instead of an entry: whole responses, ready to be sent."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daemon.errors import ErrorKind, LocalError


class RefusedConnection(Struct, frozen=True):
    """What a connection is refused with: the whole response, and what is reported of it."""

    response: bytes
    error: LocalError


def _refused_with(status: str, kind: str, message: str, *headers: str) -> RefusedConnection:
    """The entry is not known yet, so the body is one that the SDKs of both dialects can read."""
    body = msgspec.json.encode(
        {"type": "error", "error": {"type": kind, "message": message, "param": None, "code": None}}
    )
    head = (
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    )
    kinds = {"overloaded_error": ErrorKind.OVERLOADED, "invalid_request_error": ErrorKind.INVALID_REQUEST}
    error = LocalError(kinds[kind], message, status=int(status[:3]), reason="too_many" if status[:3] == "503" else "")
    return RefusedConnection("\r\n".join(head).encode() + b"\r\n\r\n" + body, error)


BUSY = _refused_with(
    "503 Service Unavailable",
    "overloaded_error",
    "too many connections (retry, or raise the limit of open files)",
    "retry-after: 1",
)
NOT_CONFIGURED = _refused_with(
    "503 Service Unavailable",
    "overloaded_error",
    "the gateway cannot start: its configuration is invalid (see its log)",
    "retry-after: 10",
)
HEAD_OVERDUE = _refused_with(
    "408 Request Timeout", "invalid_request_error", "the request head did not arrive in time (send it again)"
)
BODY_OVERDUE = _refused_with(
    "408 Request Timeout",
    "invalid_request_error",
    "the rest of the request's body did not come in time (send it again)",
)
HEAD_TOO_LARGE = _refused_with(
    "431 Request Header Fields Too Large", "invalid_request_error", "the request head is too large (send fewer headers)"
)
NOT_A_PROXY = _refused_with(
    "400 Bad Request", "invalid_request_error", "the request target must be a path: this is not a proxy"
)
BAD_REQUEST = _refused_with("400 Bad Request", "invalid_request_error", "this is not a valid HTTP/1.1 request")
