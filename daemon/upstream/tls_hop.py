"""TLS to a proxy: a socket whose other end is a TLS connection, for a library that wants a bare socket.

    upstream connection ── ours ║ theirs ── Half ⇄ Half ── TLS ── proxy ── upstream

What one half receives the other sends; each stops reading while the other cannot send, and ends with it.
TLS to the upstream, if there is any, runs inside.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast


class Half(asyncio.Protocol):
    """One side of the pipe. ``other`` is set before anything flows."""

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
