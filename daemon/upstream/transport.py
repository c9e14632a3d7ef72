"""The only way out: a request to an upstream over a pooled connection, and its failures as ours.

1. Connections are pooled by door, keys travel per request: a reload never closes a connection that a
   running stream needs, and one provider's key never meets another's host.
2. The proxy environment is ignored and redirects are not followed: a key goes to the configured host only.
3. An answer that is closed before its end takes its connection with it; so does a cancelled request.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from urllib.parse import urlsplit

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.upstream.call import UpstreamAnswer, UpstreamCall
from daemon.upstream.connection import Connection, Cut, NotHttp
from daemon.upstream.dialing import Dialer, Door, OutOfReach, ProxyFailed
from daemon.upstream.reaches import Reaches

IDLE_SECONDS = 60.0
DEFAULT_PORTS = {"http": 80, "https": 443}


class Transport:
    """The daemon's connections to upstreams. Made inside the running loop, closed at its end."""

    def __init__(self, reaches: Reaches | None = None) -> None:
        self._dialer = Dialer(reaches or Reaches())
        self._idle: dict[Door, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._time = asyncio.get_running_loop().time

    async def open(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send the request and wait for the answer's head. Raises ``RemoteError``."""
        door, opening = _way(call.url, call.proxy, call.ca)
        head = _head(opening, call)
        try:
            connection = self._pooled(door)
            if connection is not None:
                try:
                    return await self._ask(connection, door, head, call.body)
                except Cut as cut:
                    # The upstream closed it as we sent: nothing was answered, so once more, on a new one.
                    if not cut.unanswered:
                        raise
            connection = await self._dialer.dial(door, call.connect_timeout)
            return await self._ask(connection, door, head, call.body)
        except (OSError, ValueError) as error:
            raise _unreachable(error, door.host) from error

    async def _ask(self, connection: Connection, door: Door, head: bytes, body: bytes) -> UpstreamAnswer:
        self._busy.add(connection)
        try:
            status, headers = await connection.ask(head, body, self._busy)
        except BaseException:
            self._busy.discard(connection)
            connection.close()
            raise
        return UpstreamAnswer(status, headers, PooledBody(self, door, connection), door.host)

    def _pooled(self, door: Door) -> Connection | None:
        """The connection used last, for it is the least likely to be closed in our face."""
        waiting = self._idle.get(door)
        while waiting:
            connection = waiting.pop()
            if not connection.closed and self._time() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def give_back(self, door: Door, connection: Connection) -> None:
        """An exchange is over: keep its connection if it can serve again."""
        self._busy.discard(connection)
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = self._time()
        waiting = self._idle.setdefault(door, [])
        waiting.append(connection)
        while waiting and (waiting[0].closed or self._time() - waiting[0].idle_since > IDLE_SECONDS):
            waiting.pop(0).close()

    async def close(self) -> None:
        """Close every connection, also those of running answers."""
        for connection in [*self._busy, *(each for waiting in self._idle.values() for each in waiting)]:
            connection.close()
        self._busy.clear()
        self._idle.clear()


class PooledBody:
    """The body of one answer, and its connection's way back to the pool."""

    __slots__ = ("_connection", "_door", "_open", "_transport", "gather")

    def __init__(self, transport: Transport, door: Door, connection: Connection) -> None:
        self._transport = transport
        self._door = door
        self._connection = connection
        self._open = True
        self.gather = connection.gather

    @property
    def ended(self) -> bool:
        return self._connection.ended

    async def read(self) -> bytes:
        try:
            return await self._connection.read()
        except OSError as error:
            raise _cut(error, self._door.host) from error

    def close(self) -> None:
        if self._open:
            self._open = False
            self._transport.give_back(self._door, self._connection)


@lru_cache(maxsize=1024)
def _way(address: str, proxy: str, ca: str) -> tuple[Door, str]:
    """Where a URL leads, and how a request to it begins."""
    url = urlsplit(address)
    door = Door(url.scheme, url.hostname or "", url.port or DEFAULT_PORTS[url.scheme], proxy, ca)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    host = url.netloc.rpartition("@")[2]
    return door, f"POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: "


def _head(opening: str, call: UpstreamCall) -> bytes:
    """Request line and headers. Raises ``RemoteError`` for a value that would forge further lines."""
    headers = call.headers
    text = f"{opening}{len(call.body)}" + "".join([f"\r\n{name}: {value}" for name, value in headers.items()])
    if not text.count("\n") == text.count("\r") == len(headers) + 2 or not text.isascii():
        raise RemoteError(ErrorKind.API, "a header of this provider cannot be sent (check its headers and api-key)")
    return text.encode() + b"\r\n\r\n"


def _unreachable(error: Exception, host: str) -> RemoteError:
    """No head was answered. The error's own text may hold more than the host, so most is not quoted."""
    kind, why = ErrorKind.API, "could not be asked"
    match error:
        case ssl.SSLCertVerificationError():
            why = "has a TLS certificate that is not trusted (upstream-ca names an extra CA file)"
        case ssl.SSLError():
            why = "could not be reached: the TLS handshake failed (is it http instead of https?)"
        case OutOfReach():
            why = f"leads to {error}, and its base URL was set through the API from another host"
        case ProxyFailed():
            why = "could not be reached: the proxy did not let us through (check proxy-url)"
        case socket.gaierror():
            why = "could not be reached: its name does not resolve"
        case TimeoutError():
            kind, why = ErrorKind.TIMEOUT, "could not be reached in time (timeouts.connect)"
        case Cut():
            why = "closed the connection without an answer"
        case NotHttp():
            why = "answered something that is not HTTP"
        case ConnectionRefusedError():
            why = "could not be reached: connection refused"
        case OSError(strerror=str(reason)):
            why = f"could not be reached: {reason}"
    return RemoteError(kind, f"the upstream {host} {why}", scope=Scope.PROVIDER)


def _cut(error: Exception, host: str) -> RemoteError:
    return RemoteError(ErrorKind.API, f"the upstream {host} cut its answer before the end ({type(error).__name__})")
