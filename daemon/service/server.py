"""uvicorn inside our own loop: it neither owns the process, nor its signals, nor its end.

``uvicorn.run`` would kill requests before their ``finally`` blocks ran and would turn a port in use
into ``SystemExit``. Here the composition root owns loop, signals and sockets; ``Drain`` decides when
requests end; this class only accepts, serves and closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from socket import AF_UNIX, socket
from typing import Any

import uvicorn
from loguru import logger
from uvicorn._types import ASGIApplication

from daemon.errors import LocalError
from daemon.service.protocol import ConnectionLimits, GatewayConfig, GatewayProtocol
from daemon.service.sockets import BACKLOG, unlink_admin

_FLUSH_SECONDS = 1.0
_HANDSHAKE_SECONDS = 10.0
_REPEAT_SECONDS = 10.0


class GatewayServer(uvicorn.Server):
    """Serves ``app`` on listening ``sockets`` until ``should_exit`` is set; owns the sockets from
    ``run`` on. TLS, where given, is for the TCP sockets only. ``refused`` is called for every connection that
    was refused before there was a request on it. The files of the ``inherited`` ones stay, whose other owner
    goes on listening."""

    def __init__(
        self,
        app: ASGIApplication,
        sockets: Sequence[socket],
        *,
        limits: ConnectionLimits | None = None,
        tls: ssl.SSLContext | None = None,
        refused: Callable[[LocalError], None] | None = None,
        inherited: Collection[socket] = (),
    ) -> None:
        limits = limits or ConnectionLimits()
        super().__init__(_config(app, limits, refused))
        self.most_connections = limits.connections
        self.sockets = tuple(sockets)
        self.inherited = frozenset(inherited)
        self.servers: list[asyncio.base_events.Server] = []
        self._tls = tls

    async def run(self) -> None:  # type: ignore[override]  # uvicorn's blocking run() would make a loop of its own
        """Serves until ``should_exit``; then closes what is left. Cancelled, it closes the sockets."""
        try:
            await self.serve(list(self.sockets))
        finally:
            self.stop_listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the composition root's."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            if sock.fileno() < 0:
                continue  # the stop came before the start
            if sock.family == AF_UNIX:
                server = await loop.create_unix_server(self._protocol, sock=sock, backlog=BACKLOG)
            else:
                patience = _HANDSHAKE_SECONDS if self._tls else None
                server = await loop.create_server(
                    self._protocol, sock=sock, backlog=BACKLOG, ssl=self._tls, ssl_handshake_timeout=patience
                )
            self.servers.append(server)
        self.started = True

    def stop_accepting(self) -> None:
        """No new connections; those that there are end with their next request, or the one they have. Repeatable."""
        for sock in self.sockets:
            if sock.family == AF_UNIX and sock.fileno() >= 0 and sock not in self.inherited:
                unlink_admin(sock)
        for server in self.servers:
            server.close()
        for sock in self.sockets:
            sock.close()  # what a stop before the start has left open
        self._gateway_config.ends_connections = True
        for connection in self._connections():
            connection.end_after_request()

    def has_idle_connections(self) -> bool:
        """Whether a request may still come on one of them."""
        return any(connection.is_idle() for connection in self._connections())

    def stop_listening(self) -> None:
        """No new connections; idle ones are closed, busy ones end with their request. Repeatable."""
        self.stop_accepting()
        for connection in self._connections():
            connection.shutdown()

    async def cancel_requests(self, patience: float = 0.0) -> int:
        """Waits ``patience`` seconds for running requests, then cancels and awaits them, so that every
        ``finally`` block has run. Returns how many were cancelled."""
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=patience)
        rest = list(self.server_state.tasks)
        for task in rest:
            task.cancel("the daemon stops")
        if rest:
            await asyncio.wait(rest)
        return len(rest)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Called by ``serve`` at the end: the drain has usually left nothing to do."""
        self.stop_listening()
        await self.cancel_requests()
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await self._flushed()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def _flushed(self) -> None:
        """Closing transports still send what is buffered, to a reader that takes it."""
        until = time.monotonic() + _FLUSH_SECONDS
        while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn's set has no event
            await asyncio.sleep(0.01)

    def _protocol(self) -> asyncio.Protocol:
        return GatewayProtocol(self._gateway_config, self.server_state, {})

    def _connections(self) -> list[GatewayProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, GatewayProtocol)]

    @property
    def _gateway_config(self) -> GatewayConfig:
        assert isinstance(self.config, GatewayConfig)
        return self.config


def _config(
    app: ASGIApplication, limits: ConnectionLimits, refused: Callable[[LocalError], None] | None
) -> GatewayConfig:
    config = GatewayConfig(
        app,
        http=GatewayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(limits.keep_alive),
    )
    config.limits = limits
    config.refused = refused
    return config


def install_exception_handler(loop: asyncio.AbstractEventLoop) -> None:
    """Errors that asyncio cannot raise anywhere are logged: each kind once per ten seconds, with
    the count of those in between. The context's values are left out; they may hold content."""
    logged: dict[str, tuple[float, int]] = {}

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        message = str(context.get("message") or "unhandled error in the event loop")
        kind = f"{message}/{type(error).__name__}"
        now = time.monotonic()
        since, silent = logged.get(kind, (float("-inf"), 0))
        if now - since < _REPEAT_SECONDS:
            logged[kind] = (since, silent + 1)
            return
        logged[kind] = (now, 0)
        repeats = {"repeated": silent} if silent else {}
        logger.bind(**repeats).opt(exception=error).error(message)

    loop.set_exception_handler(handle)
