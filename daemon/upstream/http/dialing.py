"""How a connection to an upstream is opened: name, address, egress policy, proxy, TLS.

    name ─▶ addresses ─▶ egress policy ─▶ racing ─┬──────────────────▶ TLS ─▶ Connection
                         (of the proxy, if any)   └─ proxy: tunnel ──▶ TLS ─▶ Connection

1. The addresses that were checked are the ones that are connected to, so a name that leads elsewhere at the
   second look gains nothing.
2. Of several addresses one that does not answer costs a quarter of a second (``racing``).
3. Whatever fails is a ``DialFailed``, which says at which step.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from typing import Final, Literal, NamedTuple

from daemon.config.urls import BYPASS
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.connection import Connection
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.racing import connect_first, interleaved
from daemon.upstream.http.tunnel import ProxyFailed, read_proxy_url, tunnel

DialStep = Literal["dns", "connect", "tls"]
Trace = Callable[[DialStep], AbstractContextManager[list[str]]]
"""Entered for each step of a direct connection. A step that succeeds puts into the list what it came to: the
addresses, the address connected to, the TLS version. The steps may begin again with a further address."""

SILENT_FOR: Final = 1.0
"""Seconds without an answer to a TLS greeting, after which it is looked whether plain HTTP is spoken there."""
PATIENCE: Final = 3.0
"""Seconds that such a look may take."""
_QUESTION: Final = b"HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL calls bytes that are not TLS."""


def untraced(_: DialStep) -> AbstractContextManager[list[str]]:
    return nullcontext([])


class Endpoint(NamedTuple):
    """What connections are pooled by. ``proxy`` and ``ca`` '' = none."""

    scheme: str
    host: str
    port: int
    proxy: str
    ca: str

    @property
    def is_proxied(self) -> bool:
        return self.proxy not in ("", *BYPASS)

    @property
    def uses_tls(self) -> bool:
        """To the upstream, or to its proxy."""
        return self.scheme == "https" or self.proxy[:6].lower() == "https:"


class DialFailed(OSError):
    """No connection came about; the cause is the error of the step that failed. ``step`` is ``proxy`` for all that
    comes before a tunnel."""

    def __init__(self, step: DialStep | Literal["proxy"]) -> None:
        super().__init__(step)
        self.step = step


class ForbiddenAddress(OSError):
    """``host`` leads to ``address``, which the egress policy forbids; it is ``10.0.0.5 (private)``."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(address)
        self.host = host


class PlainHttp(OSError):
    """TLS was begun with a server that answers in plain HTTP."""


class Dialer:
    """Opens connections."""

    def __init__(self, egress: EgressPolicy, trace: Trace) -> None:
        self._egress = egress
        self._trace = trace

    async def dial(self, endpoint: Endpoint, seconds: float, context: ssl.SSLContext | None) -> Connection:
        """A connection to ``endpoint`` within ``seconds``; ``context`` is for TLS, to the upstream and to its proxy.
        Raises ``DialFailed``."""
        dial = _Dial(endpoint, context, self._egress, self._trace)
        try:
            async with asyncio.timeout(seconds):
                return await dial.connection()
        except (OSError, ValueError) as error:  # a TimeoutError and an SSLError are OSErrors
            raise DialFailed(dial.step) from error

    async def expects_tls(self, endpoint: Endpoint) -> bool:
        """Whether a server that hung up on plain HTTP answers TLS. No request is sent."""
        return await _Dial(endpoint, _unchecked(), self._egress, untraced).answers_tls()


class _Dial:
    """One connection on its way. ``step`` is the one that is running."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, egress: EgressPolicy, trace: Trace) -> None:
        self.step: DialStep | Literal["proxy"] = "dns"
        self._endpoint = endpoint
        self._context = context
        self._egress = egress
        self._trace = trace

    async def connection(self) -> Connection:
        if self._endpoint.is_proxied:
            self.step = "proxy"
            return await self._secured(await self._through_proxy(), None)
        with self._trace("dns") as result:
            addresses = await self._addresses(self._endpoint.host, self._endpoint.port)
            result += addresses
        while True:
            self.step = "connect"
            with self._trace("connect") as result:
                address, sock = await connect_first(addresses, self._endpoint.port)
                result.append(address)
            addresses.remove(address)
            try:
                return await self._secured(sock, address)
            except (ssl.SSLError, PlainHttp, TimeoutError):
                raise
            except OSError:  # it hangs up in the handshake; the next one may be better
                if not addresses:
                    raise

    async def _secured(self, sock: socket.socket, address: str | None) -> Connection:
        """A connection over ``sock``, which leads to the upstream; at ``address``, or where None through a tunnel."""
        if self._endpoint.scheme != "https":
            return await _connection_over(sock, "", None)
        self.step = "tls"
        if address is None:
            return await self._handshake(sock, address)
        with self._trace("tls") as result:
            connection = await self._handshake(sock, address)
            result.append(connection.tls_version)
        return connection

    async def _handshake(self, sock: socket.socket, address: str | None) -> Connection:
        """TLS. Some servers of plain HTTP answer its greeting, others wait for the end of a line: those are asked."""
        try:
            async with asyncio.TaskGroup() as tasks:
                look = tasks.create_task(self._look_for_plain(address))
                connection = await _connection_over(sock, self._endpoint.host, self._context)
                look.cancel()
            return connection
        except ExceptionGroup as group:
            error = group.exceptions[0]
        if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS and await self._is_plain(address):
            raise PlainHttp(error.reason) from error
        raise error

    async def _look_for_plain(self, address: str | None) -> None:
        """Raises ``PlainHttp`` if that is what is there."""
        await asyncio.sleep(SILENT_FOR)
        if await self._is_plain(address):
            raise PlainHttp("no answer to TLS, and one to HTTP")

    async def _is_plain(self, address: str | None) -> bool:
        """Whether a request without TLS is answered. It is nobody's: it names no path, and has no key."""
        try:
            async with asyncio.timeout(PATIENCE):
                if address is None:
                    sock = await self._through_proxy()
                else:
                    _, sock = await connect_first([address], self._endpoint.port)
                with sock:
                    loop = asyncio.get_running_loop()
                    await loop.sock_sendall(sock, _QUESTION)
                    return (await loop.sock_recv(sock, 5)) == b"HTTP/"
        except OSError:
            return False

    async def answers_tls(self) -> bool:
        with suppress(OSError, ValueError):
            async with asyncio.timeout(PATIENCE):
                if self._endpoint.is_proxied:
                    sock = await self._through_proxy()
                else:
                    addresses = await self._addresses(self._endpoint.host, self._endpoint.port)
                    _, sock = await connect_first(addresses, self._endpoint.port)
                (await _connection_over(sock, self._endpoint.host, self._context)).close()
                return True
        return False

    async def _addresses(self, host: str, port: int) -> list[str]:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in infos))
        if refusal := self._egress.refusal(host, addresses):
            raise ForbiddenAddress(host, refusal)
        return interleaved(addresses)

    async def _through_proxy(self) -> socket.socket:
        """A tunnel to the upstream. The proxy resolves its name; where it leads is checked here too, as far as it is
        known here."""
        endpoint = self._endpoint
        if self._egress.of(endpoint.host) is not AllowedNetworks.ANYWHERE:
            with suppress(socket.gaierror):
                await self._addresses(endpoint.host, endpoint.port)
        proxy = read_proxy_url(endpoint.proxy)
        try:
            addresses = await self._addresses(proxy.host, proxy.port)
        except ForbiddenAddress as refusal:
            raise ForbiddenAddress(refusal.host, f"a proxy at {refusal}") from None
        except socket.gaierror as error:
            raise ProxyFailed("name") from error
        while True:
            try:
                address, sock = await connect_first(addresses, proxy.port)
            except OSError as error:
                raise ProxyFailed("connect") from error
            addresses.remove(address)
            try:
                return await tunnel(proxy, sock, endpoint.host, endpoint.port, self._context if proxy.secure else None)
            except ProxyFailed as failed:  # it is broken itself, perhaps; the next one may be better
                if not addresses or failed.fault not in ("tls", "silent", "none"):
                    raise


async def _connection_over(sock: socket.socket, name: str, context: ssl.SSLContext | None) -> Connection:
    """``name`` is what the certificate must say."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        Connection, sock=sock, ssl=context, server_hostname=name if context else None
    )
    return connection


@cache
def _unchecked() -> ssl.SSLContext:
    """For a look at who answers: nothing is sent, so the certificate does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
