"""How a connection to an upstream is opened: name, address, egress policy, proxy, TLS.

The address that was checked is the one that is connected to, so a name that leads elsewhere at the
second look gains nothing.

A proxy that is reached over TLS needs a hop, because python-socks wants a bare socket and TLS to the upstream
may run inside:

    upstream connection ── ours ║ theirs ── Half ⇄ Half ── TLS ── proxy ── upstream
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from daemon.config.urls import BYPASS
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.connection import Connection
from daemon.upstream.http.egress import EgressPolicy

if TYPE_CHECKING:
    from python_socks.async_.asyncio import Proxy

DialStep = Literal["dns", "connect", "tls"]
Trace = Callable[[DialStep], AbstractContextManager[list[str]]]
"""Entered for each step of a direct connection. A step that succeeds puts into the list what it came to: the
addresses, the address connected to, the TLS version. The steps may begin again with a further address."""


_KNOWN_AS = {"https": "http", "socks5h": "socks5"}
"""Schemes of proxies that python-socks has another word for: it always lets a SOCKS5 proxy resolve names."""


def untraced(_: DialStep) -> AbstractContextManager[list[str]]:
    return nullcontext([])


class Endpoint(NamedTuple):
    """What connections are pooled by. ``proxy`` and ``ca`` '' = none."""

    scheme: str
    host: str
    port: int
    proxy: str
    ca: str


class ForbiddenAddress(OSError):
    """``host`` leads to ``address``, which the egress policy forbids; it is ``10.0.0.5 (private)``."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(address)
        self.host = host


class ProxyFailed(OSError):
    """The proxy did not let us through."""


class BadCaFile(OSError):
    """The file that ``upstream-ca`` names cannot be read, or is no PEM file."""


class Dialer:
    """Opens connections. TLS contexts are made once per CA file, off the loop: that reads hundreds of files."""

    def __init__(self, egress: EgressPolicy, trace: Trace) -> None:
        self._egress = egress
        self._trace = trace
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def dial(self, endpoint: Endpoint, seconds: float) -> Connection:
        """A connection to ``endpoint`` within ``seconds``. Raises OSError, ssl.SSLError or TimeoutError."""
        async with asyncio.timeout(seconds):
            context = await self._context(endpoint.ca) if endpoint.scheme == "https" else None
            if endpoint.proxy not in ("", *BYPASS):
                tunnel = await self._through_proxy(endpoint)
                return await _connection_over(tunnel, endpoint, context)
            with self._trace("dns") as result:
                addresses = await self._addresses(endpoint.host, endpoint.port)
                result += addresses
            for address in addresses[:-1]:
                try:
                    return await self._direct(address, endpoint, context)
                except ssl.SSLError:
                    raise
                except OSError:
                    continue
            return await self._direct(addresses[-1], endpoint, context)

    async def _direct(self, address: str, endpoint: Endpoint, context: ssl.SSLContext | None) -> Connection:
        with self._trace("connect") as result:
            sock = await _connected(address, endpoint.port)
            result.append(address)
        if context is None:
            return await _connection_over(sock, endpoint, None)
        with self._trace("tls") as result:
            connection = await _connection_over(sock, endpoint, context)
            result.append(connection.tls_version)
        return connection

    async def _addresses(self, host: str, port: int) -> list[str]:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in infos))
        if refusal := self._egress.refusal(host, addresses):
            raise ForbiddenAddress(host, refusal)
        return addresses

    async def _through_proxy(self, endpoint: Endpoint) -> socket.socket:
        """A tunnel (CONNECT, or SOCKS) to the upstream. The proxy resolves its name; where it leads is checked
        here too, as far as it is known here."""
        from python_socks import parse_proxy_url
        from python_socks.async_.asyncio import Proxy

        if self._egress.of(endpoint.host) is not AllowedNetworks.ANYWHERE:
            with suppress(socket.gaierror):
                await self._addresses(endpoint.host, endpoint.port)
        try:
            scheme, rest = endpoint.proxy.split("://", 1)
            secure = scheme.lower() == "https"
            known_as = _KNOWN_AS.get(scheme.lower(), scheme)
            kind, host, port, user, password = parse_proxy_url(f"{known_as}://{rest}")
            addresses = await self._addresses(host, port)
        except ForbiddenAddress as refusal:
            raise ForbiddenAddress(refusal.host, f"a proxy at {refusal}") from None
        except (socket.gaierror, ValueError) as error:
            raise ProxyFailed(type(error).__name__) from error
        context = await self._context(endpoint.ca) if secure else None

        def at(address: str) -> Proxy:
            hop = TlsHop(address, host, context) if context else None
            return Proxy(kind, address, port, user, password, forward=cast("Proxy", hop))

        for address in addresses[:-1]:
            try:
                return await _tunnel(endpoint, at(address))
            except ProxyFailed:
                continue
        return await _tunnel(endpoint, at(addresses[-1]))

    async def _context(self, ca: str) -> ssl.SSLContext:
        if ca not in self._contexts:
            self._contexts[ca] = await asyncio.to_thread(_make_context, ca)
        return self._contexts[ca]


def _make_context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # an SSLError is one
            raise BadCaFile(type(error).__name__) from error
    return context


async def _connected(address: str, port: int) -> socket.socket:
    """A TCP connection that the caller closes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY where it says TCP
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _connection_over(sock: socket.socket, endpoint: Endpoint, context: ssl.SSLContext | None) -> Connection:
    name = endpoint.host if context else None
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, sock=sock, ssl=context, server_hostname=name)
    return connection


async def _tunnel(endpoint: Endpoint, proxy: Proxy) -> socket.socket:
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    try:
        tunnel: socket.socket = await proxy.connect(dest_host=endpoint.host, dest_port=endpoint.port)
    except (ProxyError, ProxyConnectionError, ProxyTimeoutError, OSError) as error:
        raise ProxyFailed(type(error).__name__) from error
    return tunnel


class TlsHop:
    """Stands before the proxy (``forward`` of python-socks): connects to it over TLS. ``name`` is what its
    certificate must say."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        self._address = address
        self._name = name
        self._context = context

    async def connect(self, *, dest_host: str, dest_port: int, **_unused: object) -> socket.socket:
        """A socket that leads to the proxy; ``dest_host`` is its address again."""
        loop = asyncio.get_running_loop()
        _, outer = await loop.create_connection(
            Half, self._address, dest_port, ssl=self._context, server_hostname=self._name
        )
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        inner = Half()
        inner.other, outer.other = outer, inner
        try:
            await loop.create_connection(lambda: inner, sock=theirs)
        except BaseException:
            ours.close()
            outer.transport.abort()
            raise
        return ours


class Half(asyncio.Protocol):
    """One side of the pipe: what it receives the other one sends. It stops reading while the other cannot send,
    and ends with it. ``other`` is set before anything flows."""

    other: Half
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.other.transport.close()
