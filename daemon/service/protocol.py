"""uvicorn's httptools protocol with the limits it lacks: header deadline and size, connections.

1. While no request is in progress, a timer runs: the keep-alive's, or the header deadline. A client
   that sent part of a head gets 408, one that sent nothing is closed in silence.
2. A head larger than ``header_bytes`` gets 431; a connection above ``connections`` gets 503 at once,
   so that strangers cannot fill descriptors. What is refused here is reported to ``GatewayConfig.refused``, or, where
   a request waits for the rest of its body, to that (``request_state.REFUSED``).
3. A client that takes nothing of its response for ``send_stall`` seconds is cut off: it would hold
   its upstream request for ever.
4. A target in absolute form, which a proxy would be sent, gets 400.
5. A body of which nothing comes for ``body_idle`` seconds gets 408, or ends a response that has begun. Bodies and
   streams that flow are never touched. TCP keep-alive finds clients that are gone without a word. What still comes of
   a body after its response (a 401) is thrown away, ``late_bytes`` of it and for ``late_seconds``: a client that writes
   all before it reads still gets the response, and one that writes for ever is cut off.
6. When the client hangs up before its response is complete, the entry's callback runs (``request_state.GONE``).
7. An offered upgrade is ignored (RFC 9110, 7.8) and the body read: the JDK's ``HttpClient`` and ``curl --http2``
   offer h2c with every request in the clear. httptools would skip the body of such a request (uvicorn#2722,
   httptools#124), so its head is given to a new parser without the offer.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from typing import Any, cast

import httptools
import uvicorn
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from daemon.errors import LocalError
from daemon.gateway.request_state import GONE, REFUSED
from daemon.service import refusals
from daemon.service.response_writer import ResponseWriter
from daemon.tcp import keep_alive

_MIN_CONNECTIONS = 16
_MOST_OPEN_FILES = 65_536


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """Seconds, bytes and a count; ``connections`` does not count the admin socket's."""

    header_seconds: float = 10.0
    header_bytes: int = 64 * 1024
    connections: int = 1024
    keep_alive: float = 75.0
    send_stall: float = 60.0
    body_idle: float = 60.0
    late_seconds: float = 2.0
    late_bytes: int = 4 * 1024 * 1024


def limits_for_process() -> ConnectionLimits:
    """Raises the soft limit of open files as far as it may go, and allows a third of it as client
    connections: each may need an upstream connection, and the rest is for files and retired pools."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft = target
    files = _MOST_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    return ConnectionLimits(connections=max(_MIN_CONNECTIONS, files // 3))


class GatewayConfig(uvicorn.Config):
    """uvicorn's configuration and our limits beside it; the protocol is made with it. ``refused`` is called with
    what a connection was refused with on which no request is in progress. ``ends_connections``: the daemon stops, so
    each request is the last of its connection."""

    limits: ConnectionLimits = ConnectionLimits()
    refused: Callable[[LocalError], None] | None = None
    ends_connections: bool = False


class GatewayProtocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(
        self,
        config: GatewayConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = config.limits
        self._report = config.refused
        self._settings = config
        # Bytes since the last message ended; httptools shows a head only when it is complete, so a client that sends
        # one without an end is seen by this count alone.
        self._head_bytes = 0
        # Between requests and inside a head. Bytes of a body do not count as a head's.
        self._in_head = True
        # A part of a head has come: at the deadline it gets 408, where an idle connection is closed without a word,
        # since a keep-alive client that begins a request at that moment would take a 408 for its answer.
        self._head_begun = False
        # The parser has stopped at a head that offers an upgrade (7).
        self._upgrade_offered = False
        # A refusal is on its way out. The connection lingers (see ``_refuse``), and what still comes is not parsed.
        self._refused = False
        # Runs while no request is in progress.
        self._deadline: asyncio.TimerHandle | None = None
        # Runs while a body is awaited. It is not set anew for each piece: ``_body_at`` is when the last one came.
        self._body_idle: asyncio.TimerHandle | None = None
        self._body_at = 0.0
        # Bytes that came after the response; the timer runs until the rest of the body has come.
        self._late_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        # Runs while the write buffer is over uvicorn's high-water mark.
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        if len(self.connections) >= self.limits.connections and not _is_admin(transport):
            self.transport = transport
            self._refuse(refusals.BUSY, abrupt=len(self.connections) >= 2 * self.limits.connections)
            return
        super().connection_made(transport)
        keep_alive(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._stop_stall()
        self._stop_body_idle()
        self._stop_late()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete and GONE in cycle.scope:
            cast("dict[str, Callable[[], None]]", cycle.scope)[GONE]()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._count_late(len(data))
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._parse(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            if self._late is not None:
                self._count_late(len(data))
            self._body_at = self.loop.time()
            if self._body_idle is None:
                self._watch_body(self.limits.body_idle)
            return
        if self._head_bytes > self.limits.header_bytes:
            self._refuse(refusals.HEAD_TOO_LARGE)
        elif self._deadline is None and self.is_idle():
            self._start_deadline()

    def _parse(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = self._head_without_upgrade() + data[stopped.args[0] :]
            except httptools.HttpParserError:
                if not self._refused and not self._ends_after_this():
                    self._refuse(refusals.BAD_REQUEST)
                return

    def _head_without_upgrade(self) -> bytes:
        """The head that was just read, as it is without the offer; for a new parser."""
        head = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
            head.append(b"%b: %b\r\n" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self._upgrade_offered = False
        return b"".join(head) + b"\r\n"

    def on_message_begin(self) -> None:
        self._head_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = self._head_begun = False
        self._stop_deadline()
        if self._head_bytes > self.limits.header_bytes and self._head_size() > self.limits.header_bytes:
            self._refuse(refusals.HEAD_TOO_LARGE)
        elif not self.url.startswith(b"/") and self.url != b"*":
            self._refuse(refusals.NOT_A_PROXY)
        self._head_bytes = 0
        self._upgrade_offered = self.parser.should_upgrade()
        if not self._refused and not self._upgrade_offered:
            super().on_headers_complete()
            if self._settings.ends_connections:
                self.cycle.keep_alive = False
            writer = ResponseWriter(self.cycle, self.loop)
            self.cycle.send = writer.send  # type: ignore[method-assign]  # uvicorn has no hook for it

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._stop_body_idle()
        if not self._refused and not self._upgrade_offered:
            super().on_message_complete()
            if self._late is not None:
                self._stop_late()
                if not self.cycle.keep_alive:
                    self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self.is_idle():
            return
        if not self._in_head:
            self._await_late()
        elif self._head_begun:
            self._unset_keepalive_if_required()  # the next head has begun: its deadline holds
            self._start_deadline()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_stall(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._stop_stall()
        super().resume_writing()

    def end_after_request(self) -> None:
        """The request in progress is the last one."""
        if not self.is_idle():
            self.cycle.keep_alive = False

    def is_idle(self) -> bool:
        """Whether no request is in progress, but one may come."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it never None; it begins as None
        return cycle is None or cycle.response_complete

    def _ends_after_this(self) -> bool:
        """Whether the request was the last of its connection: what follows it is not read (RFC 9112, 9.6)."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and self._in_head and not cycle.keep_alive

    def _head_size(self) -> int:
        """Exact, since the last chunk of a head may carry much of the body."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.limits.header_seconds, self._head_overdue)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_overdue(self) -> None:
        self._deadline = None
        if self._head_begun:
            self._refuse(refusals.HEAD_OVERDUE)
        else:
            self.transport.close()

    def _watch_body(self, seconds: float) -> None:
        self._body_idle = self.loop.call_later(seconds, self._body_overdue)

    def _stop_body_idle(self) -> None:
        if self._body_idle is not None:
            self._body_idle.cancel()
            self._body_idle = None

    def _body_overdue(self) -> None:
        self._body_idle = None
        left = self._body_at + self.limits.body_idle - self.loop.time()
        if left > 0 or self.flow.read_paused:  # paused: what has come is waiting for us
            self._watch_body(left if left > 0 else self.limits.body_idle)
        elif self.cycle.response_started:
            self.transport.abort()
        else:
            self._refuse(refusals.BODY_OVERDUE)

    def _await_late(self) -> None:
        """The response is complete and its request is not."""
        self._late_bytes = 0
        self._late = self.loop.call_later(self.limits.late_seconds, self.transport.close)
        if not self.cycle.keep_alive and self.transport.can_write_eof():
            self.transport.write_eof()

    def _stop_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _count_late(self, size: int) -> None:
        self._late_bytes += size
        if self._late_bytes > self.limits.late_bytes:
            self.transport.close()

    def _watch_stall(self, buffered: int) -> None:
        self._stall = self.loop.call_later(self.limits.send_stall, self._stalled, buffered)

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _stalled(self, before: int) -> None:
        self._stall = None
        buffered = self.transport.get_write_buffer_size()
        if buffered < before:
            self._watch_stall(buffered)
        else:
            self.transport.abort()

    def _refuse(self, refused: refusals.RefusedConnection, *, abrupt: bool = False) -> None:
        """Responds, reports and closes. The close lingers while the client still sends, within the bounds of rule 5,
        because the kernel would answer unread bytes with a reset, and that may overtake our response."""
        self._refused = True
        self._late_bytes = 0
        self._stop_deadline()
        if not self.is_idle():
            cast("dict[str, LocalError]", self.cycle.scope)[REFUSED] = refused.error
        elif self._report is not None:
            self._report(refused.error)
        self.transport.write(refused.response)
        if abrupt or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
            self.loop.call_later(self.limits.late_seconds, self.transport.close)


def _is_admin(transport: asyncio.Transport) -> bool:
    sock = transport.get_extra_info("socket")
    return sock is not None and sock.family == socket.AF_UNIX
