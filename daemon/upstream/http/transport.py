"""The only way out: a request to an upstream over a pooled connection, and its failures as ours.

1. Connections are pooled by endpoint, keys travel per request: a reload never closes a connection that a
   running stream needs, and one provider's key never meets another's host.
2. The proxy environment is ignored and redirects are not followed: a key goes to the configured host only.
3. A connection is used as long as the egress rule and the CAs are those that it was opened under: where a URL is set
   by another host, what was opened before may lead where that one must not; a CA that was taken away is not trusted.
4. A response that is closed before its end takes its connection with it; so does a cancelled request.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from urllib.parse import urlsplit

from daemon.config.urls import proxy_as_dialed
from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from daemon.upstream.http.causes import Unanswered, upstream_cause
from daemon.upstream.http.connection import Connection, Cut, ExpectsTls
from daemon.upstream.http.dialing import Dialer, Endpoint, Trace, untraced
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.trust import Trust

IDLE_SECONDS = 60.0
MOST_IDLE = 64
"""Connections to one endpoint that wait for their next use."""
DEFAULT_PORTS = {"http": 80, "https": 443}

Terms = tuple[tuple[AllowedNetworks, ...], ssl.SSLContext | None]
"""What a connection was opened under: where it may lead, and by which CAs it was checked."""


class Transport:
    """The daemon's connections to upstreams. Made inside the running loop, closed at its end. ``trace`` sees the
    steps of each new connection."""

    def __init__(self, egress: EgressPolicy | None = None, trace: Trace = untraced) -> None:
        self._egress = egress or EgressPolicy()
        self._dialer = Dialer(self._egress, trace)
        self._trust = Trust()
        self.look_at_certificates = self._trust.look_again
        self._idle: dict[Endpoint, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._sweep: asyncio.TimerHandle | None = None  # while connections are idle

    @property
    def connections(self) -> tuple[int, int]:
        """How many are busy, and how many are idle."""
        return len(self._busy), sum(map(len, self._idle.values()))

    async def open(self, call: UpstreamCall) -> UpstreamResponse:
        """Send the request and wait for the response's head. Raises ``RemoteError``, from the engine's own error."""
        endpoint, opening = _route(call.method, call.url, call.proxy, call.ca)
        head = _head(opening, call)
        try:
            context = await self._context(endpoint, call.connect_timeout)
            terms = (self._reach(endpoint), context)
            connection = self._pooled(endpoint, terms)
            if connection is not None:
                try:
                    return await self._ask(connection, endpoint, head, call)
                except Cut as cut:
                    # The upstream closed it as we sent: nothing has come back, so once more, on a new one.
                    if not cut.unanswered:
                        raise
            connection = await self._dialer.dial(endpoint, call.connect_timeout, context)
            connection.terms = terms
            return await self._ask(connection, endpoint, head, call)
        except (OSError, ValueError) as error:
            raise Unanswered(upstream_cause(await self._explained(error, endpoint), endpoint)) from error

    async def _explained(self, error: Exception, endpoint: Endpoint) -> Exception:
        """Many servers hang up without a word where they expect TLS; not where HTTP has been answered before."""
        hung_up = isinstance(error, Cut) and error.unanswered and endpoint.scheme == "http"
        if hung_up and endpoint not in self._idle and await self._dialer.expects_tls(endpoint):
            return ExpectsTls()
        return error

    async def _context(self, endpoint: Endpoint, seconds: float) -> ssl.SSLContext | None:
        """The CAs in force, where TLS is needed."""
        if not endpoint.uses_tls:
            return None
        if (context := self._trust.fresh(endpoint.ca)) is not None:
            return context
        async with asyncio.timeout(seconds):
            return await self._trust.of(endpoint.ca)

    async def _ask(
        self, connection: Connection, endpoint: Endpoint, head: bytes, call: UpstreamCall
    ) -> UpstreamResponse:
        self._busy.add(connection)
        try:
            status, headers = await connection.ask(head, call.body, self._busy, call.most_unpacked)
        except BaseException:
            self._busy.discard(connection)
            connection.close()
            raise
        return UpstreamResponse(status, headers, PooledBody(self, endpoint, connection), endpoint.host)

    def _reach(self, endpoint: Endpoint) -> tuple[AllowedNetworks, ...]:
        """Where connections to this endpoint may lead now."""
        of = self._egress.of
        return (of(endpoint.host), of(_host_of_proxy(endpoint.proxy))) if endpoint.proxy else (of(endpoint.host),)

    def _pooled(self, endpoint: Endpoint, terms: Terms) -> Connection | None:
        """The connection used last, for it is the least likely to have been closed by the upstream."""
        waiting = self._idle.get(endpoint)
        while waiting:
            connection = waiting.pop()
            fresh = self._time() - connection.idle_since < IDLE_SECONDS
            if fresh and not connection.closed and connection.terms == terms:
                return connection
            connection.close()
        return None

    def give_back(self, endpoint: Endpoint, connection: Connection) -> None:
        """A response is over: keep its connection if it can serve again."""
        self._busy.discard(connection)
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = self._time()
        waiting = self._idle.setdefault(endpoint, [])
        waiting.append(connection)
        oldest = self._time() - IDLE_SECONDS
        while waiting and (waiting[0].closed or len(waiting) > MOST_IDLE or waiting[0].idle_since < oldest):
            waiting.pop(0).close()
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """The pools of endpoints that nobody asks any more end here: of a removed provider, an old proxy."""
        oldest = self._time() - IDLE_SECONDS
        for endpoint, waiting in tuple(self._idle.items()):
            staying = [each for each in waiting if not each.closed and each.idle_since > oldest]
            for each in set(waiting).difference(staying):
                each.close()
            if staying:
                self._idle[endpoint] = staying
            else:
                del self._idle[endpoint]
        self._sweep = self._loop.call_later(IDLE_SECONDS, self._close_idle) if self._idle else None

    async def close(self) -> None:
        """Close every connection, also those of running responses."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in [*self._busy, *(each for waiting in self._idle.values() for each in waiting)]:
            connection.close()
        self._busy.clear()
        self._idle.clear()


class PooledBody:
    """The body of one response, and its connection's way back to the pool."""

    __slots__ = ("_connection", "_endpoint", "_open", "_transport", "gather")

    def __init__(self, transport: Transport, endpoint: Endpoint, connection: Connection) -> None:
        self._transport = transport
        self._endpoint = endpoint
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
            raise Unanswered(upstream_cause(error, self._endpoint)) from error

    def close(self) -> None:
        if self._open:
            self._open = False
            self._transport.give_back(self._endpoint, self._connection)


@lru_cache(maxsize=1024)
def _route(method: str, address: str, proxy: str, ca: str) -> tuple[Endpoint, str]:
    """Where a URL leads, and how the head of a request to it begins: as far as the length of a body."""
    url = urlsplit(address)
    port = url.port or DEFAULT_PORTS[url.scheme]
    endpoint = Endpoint(url.scheme, url.hostname or "", port, proxy_as_dialed(proxy), ca)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    host = url.netloc.rpartition("@")[2]
    opening = f"{method} {target} HTTP/1.1\r\nhost: {host}"
    return endpoint, opening if method == "GET" else f"{opening}\r\ncontent-length: "


@lru_cache(maxsize=256)
def _host_of_proxy(proxy: str) -> str:
    return urlsplit(proxy).hostname or ""


def _head(opening: str, call: UpstreamCall) -> bytes:
    """Request line and headers. Raises ``RemoteError`` for a value that would forge further lines."""
    headers = call.headers
    length = "" if call.method == "GET" else str(len(call.body))
    text = f"{opening}{length}" + "".join([f"\r\n{name}: {value}" for name, value in headers.items()])
    lines = len(headers) + (2 if length else 1)
    if not text.count("\n") == text.count("\r") == lines or not text.isascii():
        raise RemoteError(ErrorKind.API, "a header of this provider cannot be sent (check its headers and api-key)")
    return text.encode() + b"\r\n\r\n"
