"""How a connection to an upstream comes about: name, address, reach, proxy, TLS.

The address that was checked is the one that is connected to, so a name that leads elsewhere at the
second look gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from daemon.upstream.addresses import Reach
from daemon.upstream.connection import Connection
from daemon.upstream.reaches import Reaches
from daemon.upstream.tls_hop import TlsHop

if TYPE_CHECKING:
    from python_socks.async_.asyncio import Proxy


class Door(NamedTuple):
    """What connections are pooled by. ``proxy`` and ``ca`` '' = none."""

    scheme: str
    host: str
    port: int
    proxy: str
    ca: str


class OutOfReach(OSError):
    """A name leads to an address that its host must not lead to."""


class ProxyFailed(OSError):
    """The proxy did not let us through."""


class Dialer:
    """Opens connections. TLS contexts are made once per CA file, off the loop: that reads hundreds of files."""

    def __init__(self, reaches: Reaches) -> None:
        self._reaches = reaches
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def dial(self, door: Door, seconds: float) -> Connection:
        """A connection to ``door`` within ``seconds``. Raises OSError, ssl.SSLError or TimeoutError."""
        async with asyncio.timeout(seconds):
            context = await self._context(door.ca) if door.scheme == "https" else None
            if door.proxy:
                return await _over(await self._through_proxy(door), door, context)
            addresses = await self._addresses(door.host, door.port)
            for address in addresses[:-1]:
                try:
                    return await _to(address, door, context)
                except ssl.SSLError:
                    raise
                except OSError:
                    continue
            return await _to(addresses[-1], door, context)

    async def _addresses(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if refusal := self._reaches.refusal(host, addresses):
            raise OutOfReach(refusal)
        return addresses

    async def _through_proxy(self, door: Door) -> socket.socket:
        """A tunnel (CONNECT, or SOCKS) to the upstream. The proxy resolves its name; where it leads is looked at
        here too, as far as it is known here."""
        from python_socks import parse_proxy_url
        from python_socks.async_.asyncio import Proxy

        if self._reaches.of(door.host) is not Reach.ANYWHERE:
            with suppress(socket.gaierror):
                await self._addresses(door.host, door.port)
        try:
            scheme, rest = door.proxy.split("://", 1)
            secure = scheme.lower() == "https"
            kind, host, port, user, password = parse_proxy_url(f"http://{rest}" if secure else door.proxy)
            addresses = await self._addresses(host, port)
        except OutOfReach as refusal:
            raise OutOfReach(f"a proxy at {refusal}") from None
        except (socket.gaierror, ValueError) as error:
            raise ProxyFailed(type(error).__name__) from error
        context = await self._context(door.ca) if secure else None

        def at(address: str) -> Proxy:
            hop = TlsHop(address, host, context) if context else None
            return Proxy(kind, address, port, user, password, forward=cast("Proxy", hop))

        for address in addresses[:-1]:
            try:
                return await _tunnel(door, at(address))
            except ProxyFailed:
                continue
        return await _tunnel(door, at(addresses[-1]))

    async def _context(self, ca: str) -> ssl.SSLContext:
        if ca not in self._contexts:
            self._contexts[ca] = await asyncio.to_thread(_make_context, ca)
        return self._contexts[ca]


def _make_context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca:
        context.load_verify_locations(cafile=ca)
    return context


async def _to(address: str, door: Door, context: ssl.SSLContext | None) -> Connection:
    name = door.host if context else None
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, address, door.port, ssl=context, server_hostname=name)
    return connection


async def _over(sock: socket.socket, door: Door, context: ssl.SSLContext | None) -> Connection:
    name = door.host if context else None
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, sock=sock, ssl=context, server_hostname=name)
    return connection


async def _tunnel(door: Door, proxy: Proxy) -> socket.socket:
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    try:
        tunnel: socket.socket = await proxy.connect(dest_host=door.host, dest_port=door.port)
    except (ProxyError, ProxyConnectionError, ProxyTimeoutError, OSError) as error:
        raise ProxyFailed(type(error).__name__) from error
    return tunnel
