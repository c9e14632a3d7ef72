"""A tunnel through a proxy (CONNECT, or SOCKS5) to an upstream, over a connection to the proxy that is there already.

A proxy that is reached over TLS needs a hop, because python-socks wants a bare socket and TLS to the upstream
may run inside:

    upstream connection ── ours ║ theirs ── Half ⇄ Half ── TLS ── proxy ── upstream
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from python_socks import ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy

_KNOWN_AS: Final = {"https": "http", "socks5h": "socks5"}
"""Schemes of proxies that python-socks has another word for: it always lets a SOCKS5 proxy resolve names."""

ProxyFault = Literal["url", "name", "connect", "tls", "login", "forbidden", "upstream", "refused", "silent", "none"]
"""``connect``: it cannot be connected to. ``login``: it wants a user and password, or others. ``forbidden``: it does
not want to. ``upstream``: it cannot reach the upstream. ``refused``: the upstream refused the proxy. ``silent``: it
hung up. ``none``: what is there is no proxy."""

_OF_STATUS: Final[Mapping[int, ProxyFault]] = {407: "login", 401: "login", 403: "forbidden"}
_OF_SOCKS: Final[Mapping[int, ProxyFault]] = {2: "forbidden", 5: "refused"}
"""RFC 1928, 6; the others say that the upstream cannot be reached."""


class ProxyFailed(OSError):
    """The proxy did not let us through; the cause is the error that showed it. ``status`` is the HTTP status that it
    answered, 0 for none."""

    def __init__(self, fault: ProxyFault, status: int = 0) -> None:
        super().__init__(fault)
        self.fault: ProxyFault = fault
        self.status = status


class ProxyAddress(NamedTuple):
    """A proxy's URL, read. ``secure``: it is reached over TLS."""

    kind: ProxyType
    host: str
    port: int
    user: str | None
    password: str | None
    secure: bool


def read_proxy_url(url: str) -> ProxyAddress:
    """Raises ``ProxyFailed``."""
    from python_socks import parse_proxy_url

    scheme, _, rest = url.partition("://")
    known_as = _KNOWN_AS.get(scheme.lower(), scheme)
    try:
        return ProxyAddress(*parse_proxy_url(f"{known_as}://{rest}"), secure=scheme.lower() == "https")
    except ValueError as error:
        raise ProxyFailed("url") from error


async def tunnel(
    proxy: ProxyAddress, sock: socket.socket, host: str, port: int, context: ssl.SSLContext | None
) -> socket.socket:
    """A socket that leads to ``host`` and ``port``. ``sock`` is connected to the proxy and is this function's own;
    ``context`` is for TLS to the proxy. Raises ``ProxyFailed``."""
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
    from python_socks.async_.asyncio import Proxy

    if context is not None:
        try:
            sock = await _over_tls(sock, proxy.host, context)
        except OSError as error:
            raise ProxyFailed("tls") from error
    there = cast("Proxy", _Connected(sock))
    way = Proxy(proxy.kind, proxy.host, proxy.port, proxy.user, proxy.password, forward=there)
    try:
        opened: socket.socket = await way.connect(dest_host=host, dest_port=port)
    except ProxyError as error:
        raise _explained(error) from error
    except ValueError as error:  # a user or password that cannot be sent
        sock.close()
        raise ProxyFailed("url") from error
    except (ProxyConnectionError, ProxyTimeoutError, OSError) as error:
        raise ProxyFailed("silent") from error
    return opened


def _explained(error: ProxyError) -> ProxyFailed:
    """python-socks gives a code where the proxy has answered one: a reply of SOCKS5, or an HTTP status."""
    code, words = error.error_code, str(error).lower()
    if code is not None and code >= 100:
        return ProxyFailed(_OF_STATUS.get(code, "upstream" if code >= 500 else "none"), int(code))
    if code is not None:
        return ProxyFailed(_OF_SOCKS.get(code, "upstream"))
    if "authentication" in words:
        return ProxyFailed("login")
    return ProxyFailed("silent" if "closed" in words or "invalid proxy response" in words else "none")


class _Connected:
    """Stands before the proxy (``forward`` of python-socks): the connection to it is there already."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def connect(self, **_unused: object) -> socket.socket:
        return self._sock


async def _over_tls(sock: socket.socket, name: str, context: ssl.SSLContext) -> socket.socket:
    """A bare socket that leads through TLS to the other end of ``sock``. ``name`` is what the certificate there must
    say."""
    loop = asyncio.get_running_loop()
    _, outer = await loop.create_connection(Half, sock=sock, ssl=context, server_hostname=name)
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
