"""The outermost layer, pure ASGI: what is refused before any route sees it, and ids on every response.

1. A request has exactly one Host, at most 100 headers, no underscore in a header's name
   (``X_Forwarded_For`` passes for ``X-Forwarded-For`` elsewhere; the session headers of older Codex
   CLIs are the exception) and a target that starts with ``/``. HTTP/1.0, as of HAProxy's checks, need not
   have a Host; then it names none of ours.
2. On operator paths (``/v0``, ``/api/v1``) Host is one of our own names and a browser's page is of
   our own origin: DNS rebinding and cross-site requests end here.
3. A path that says ``/v1`` twice means it once.
4. Every response has ``request-id``, ``x-request-id`` and ``x-tppcd-config``. The hot entries write
   them with their own head (``identity_headers``), so that no wrapper stands in their stream.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Final

from loguru import logger
from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.api.problems import is_operator_path, problem
from daemon.errors import ErrorKind, GatewayError, LocalError
from daemon.gateway.caller import on_unix_socket
from daemon.gateway.own_names import OWN_NAMES, host_name, is_own_name, shown
from daemon.snapshot.snapshot import Current

MOST_HEADERS: Final = 100
WITH_UNDERSCORE: Final = (b"session_id", b"conversation_id")
TWICE: Final = "/v1"
DOUBLED: Final = "/v1/v1/"
"""The path of a client whose base URL has ``/v1`` and that adds it: Claude Code and the Anthropic SDKs do
(AIClient2API#336)."""

_ids = random.Random()
"""Seeded by the system once. Ids name requests and protect nothing, so they need no system call each."""

FORM_TYPES: Final = (b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain")
"""What a page of any origin may send without a CORS preflight."""

HeaderList = list[tuple[bytes, bytes]]
Refused = Callable[[Scope, int, GatewayError], None]


ADMITTED: Final = "tppcd.admitted"
"""Key of the ASGI scope that is there once the client's key, or its place on this host, has been accepted."""


class RequestInfo(Struct, frozen=True, gc=False):
    """What the guard knows of a request, in ``scope["tppcd"]``. ``request_id`` is 32 hex digits; ``started`` is when
    its head had arrived, in ``time.monotonic`` seconds."""

    request_id: str
    started: float


def request_info(scope: Mapping[str, Any]) -> RequestInfo:
    """What the guard has noted for this request."""
    info: RequestInfo = scope["tppcd"]
    return info


def identity_headers(info: RequestInfo, config: str | None) -> HeaderList:
    """The headers of every response; ``config`` is the snapshot's ``config_header``, None before the first one."""
    name = info.request_id.encode()
    headers = [(b"request-id", name), (b"x-request-id", name)]
    if config is not None:
        headers.append((b"x-tppcd-config", config.encode()))
    return headers


class Guard:
    """Wraps ``app``. ``hot`` maps the paths whose POST writes its own identity headers to their app. ``refused`` is
    called with the scope, the status and the error of each request that is refused here."""

    def __init__(self, app: ASGIApp, current: Current, hot: Mapping[str, ASGIApp], refused: Refused) -> None:
        self._app = app
        self._current = current
        self._hot = hot
        self._refused = refused

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """No coroutine of its own around a hot entry's: it would be woken for each piece of a stream."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        if scope["path"].startswith(DOUBLED):
            scope["path"] = scope["path"].removeprefix(TWICE)
        info = RequestInfo(f"{_ids.getrandbits(128):032x}", monotonic())
        scope["tppcd"] = info
        error = malformed(scope)
        if error is None and scope["method"] == "POST" and scope["path"] in self._hot:
            return self._hot[scope["path"]](scope, receive, send)
        return self._guarded(scope, receive, send, info, error)

    async def _guarded(
        self, scope: Scope, receive: Receive, send: Send, info: RequestInfo, error: LocalError | None
    ) -> None:
        identified = Identified(send, info, self._current)
        if error is None and is_operator_path(scope["path"]):
            error = foreign(scope, self._configured_host()) or from_a_form(scope)
        if error is not None:
            status = await send_problem(scope, identified, error, info.request_id)
            self._refused(scope, status, error)
            return
        try:
            await self._app(scope, receive, identified)
        except Exception:
            # The routes' own error layer has answered with 500 by now; what is left is the log line.
            logger.bind(request_id=info.request_id).exception("the request failed inside the daemon")

    def _configured_host(self) -> str:
        snapshot = self._current.get_or_none()
        return snapshot.config.host if snapshot is not None else ""


class Identified:
    """A ``send`` that puts the identity headers into the head."""

    __slots__ = ("_current", "_info", "_send")

    def __init__(self, send: Send, info: RequestInfo, current: Current) -> None:
        self._send = send
        self._info = info
        self._current = current

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            snapshot = self._current.get_or_none()
            config = None if snapshot is None else snapshot.config_header
            message["headers"] = [*message.get("headers", ()), *identity_headers(self._info, config)]
        await self._send(message)


def malformed(scope: Scope) -> LocalError | None:
    """Why a request is refused for its head alone; None for a well-formed one."""
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS:
        return refusal(f"more than {MOST_HEADERS} header fields", status=431)
    # Two passes in C instead of one in Python: a third of the cost on a request with 20 headers.
    names = [name for name, _ in headers]
    if b"_" in b" ".join(names) and any(b"_" in name and name not in WITH_UNDERSCORE for name in names):
        return refusal("header names with an underscore are not accepted")
    if names.count(b"host") != 1 and (b"host" in names or scope["http_version"] != "1.0"):
        return refusal("exactly one Host header is required")
    if scope["http_version"] == "0.9":
        return refusal("HTTP/1.0 or HTTP/1.1 is required")
    if not scope["path"].startswith("/"):
        return refusal("the request target must be a path")
    return None


def foreign(scope: Scope, configured_host: str) -> LocalError | None:
    """Why a browser must not send this request to an operator path; None for our own and for tools."""
    if on_unix_socket(scope):
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1").lower()
    name = host_name(host)
    if not is_own_name(name, configured_host):
        return refusal(f"the Host {shown(name)} is none of {OWN_NAMES}", status=403)
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower() not in (f"http://{host}", f"https://{host}"):
        return refusal("requests from pages of another origin are refused", status=403)
    if headers.get(b"sec-fetch-mode") == b"no-cors" or headers.get(b"sec-fetch-site") == b"cross-site":
        return refusal("cross-site requests are refused", status=403)
    return None


def from_a_form(scope: Scope) -> LocalError | None:
    """Why a body that any page's form could send is refused on an operator path."""
    kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if scope["method"] == "POST" and kind in FORM_TYPES and not on_unix_socket(scope):
        return refusal("send content-type: application/json; a form's content type is not accepted", status=415)
    return None


def refusal(message: str, status: int = 400) -> LocalError:
    kind = ErrorKind.PERMISSION if status == 403 else ErrorKind.INVALID_REQUEST
    return LocalError(kind, message, status=status)


async def send_problem(scope: Scope, send: Send, error: GatewayError, request_id: str) -> int:
    """Answer with ``error`` in the dialect of the path, and return its status there; the connection is closed after
    a malformed head."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    status, extra, body = problem(scope["path"], headers, error, request_id)
    fields = [(name.encode(), value.encode("latin-1")) for name, value in extra.items()]
    fields.append((b"content-length", str(len(body)).encode()))
    if status in (400, 431):
        fields.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
    return status
