"""The only upstream HTTP: bytes out, bytes in, errors mapped. The engine is aiohttp's client.

1. One connector for the daemon's life: connections are pooled by host, keys travel per request, so a
   reload never closes a connection that a running stream needs.
2. The proxy environment is ignored and redirects are not followed: a key goes to the configured host only.
3. A name is looked up by ``GuardedResolver``: what was set through the API is checked where it leads now.
4. Whoever opened an answer closes it; ``close`` also frees the connection of an answer not read to its end.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.upstream.reaches import Reaches

READ_BUFFER = 256 * 1024
KEEP_ALIVE = 60.0
ERROR_BODY_LIMIT = 256 * 1024
WHOLE_BODY_LIMIT = 64 * 1024 * 1024


class UpstreamCall(Struct, frozen=True, kw_only=True):
    """One POST. ``connect_timeout`` in seconds; ``proxy`` '' = none; ``ca`` an extra CA file or ''."""

    url: str
    headers: dict[str, str]
    body: bytes
    connect_timeout: float
    proxy: str = ""
    ca: str = ""


class UpstreamAnswer:
    """An upstream's answer whose head has arrived. Header names are lower-case."""

    __slots__ = ("_host", "_response", "content_type", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """All bytes that have arrived, waiting for the first; ``b""`` at the clean end of the body."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _cut(error, self._host) from error

    async def read_whole(self, limit: int = WHOLE_BODY_LIMIT) -> bytes:
        """The whole body; more than ``limit`` bytes is the upstream's failure."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            parts.append(data)
            size += len(data)
            if size > limit:
                raise RemoteError(ErrorKind.API, f"the upstream {self._host} answered more than {limit} bytes")
        return b"".join(parts)

    async def read_error(self) -> bytes:
        """The body of an error answer, as far as it can be had."""
        try:
            return await self.read_whole(ERROR_BODY_LIMIT)
        except RemoteError:
            return b""

    @property
    def ended(self) -> bool:
        """Whether the body has arrived to its end."""
        return self._response.content.at_eof()

    def close(self) -> None:
        """Free the connection: back to the pool when the body was read to its end, else closed."""
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class OutOfReach(OSError):
    """A name leads to an address that its host must not lead to."""


class GuardedResolver(ThreadedResolver):
    """The system's resolver; the addresses it gives are the ones that are connected to. Raises ``OutOfReach``."""

    def __init__(self, reaches: Reaches) -> None:
        super().__init__()
        self._reaches = reaches

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if refusal := self._reaches.refusal(host, (each["host"] for each in found)):
            raise OutOfReach(refusal)
        return found


class Transport:
    """The daemon's connections to upstreams. Made inside the running loop, closed at its end."""

    def __init__(self, reaches: Reaches | None = None) -> None:
        resolver = GuardedResolver(reaches or Reaches())
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=30, resolver=resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            read_bufsize=READ_BUFFER,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._ssl_contexts: dict[str, ssl.SSLContext] = {}

    async def open(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send the request and wait for the answer's head. Raises ``RemoteError``."""
        host = urlsplit(call.url).netloc.rpartition("@")[2]
        try:
            return await self._post(call, host)
        except aiohttp.ServerDisconnectedError:
            # a pooled connection that the upstream closed as we sent: nothing was answered, so once more
            return await self._mapped(call, host)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(error, host) from error

    async def _mapped(self, call: UpstreamCall, host: str) -> UpstreamAnswer:
        try:
            return await self._post(call, host)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(error, host) from error

    async def _post(self, call: UpstreamCall, host: str) -> UpstreamAnswer:
        response = await self._session.post(
            call.url,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
            proxy=call.proxy or None,
            ssl=self._trust(call.ca),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=call.connect_timeout),
        )
        return UpstreamAnswer(response, host)

    def _trust(self, ca: str) -> ssl.SSLContext | bool:
        if not ca:
            return True
        if ca not in self._ssl_contexts:
            context = ssl.create_default_context()
            context.load_verify_locations(cafile=ca)
            self._ssl_contexts[ca] = context
        return self._ssl_contexts[ca]

    async def close(self) -> None:
        await self._session.close()


def _unreachable(error: Exception, host: str) -> RemoteError:
    """No head was answered. The engine's own text may hold the whole URL, so it is not quoted."""
    kind, why = ErrorKind.API, "could not be asked"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = "has a TLS certificate that is not trusted (upstream-ca names an extra CA file)"
        case aiohttp.ClientConnectorSSLError():
            why = "could not be reached: the TLS handshake failed (is it http instead of https?)"
        case aiohttp.ClientConnectorDNSError() if isinstance(error.os_error, OutOfReach):
            why = f"leads to {error.os_error}, and its base URL was set through the API from another host"
        case aiohttp.ClientConnectorDNSError():
            why = "could not be reached: its name does not resolve"
        case aiohttp.ClientProxyConnectionError():
            why = "could not be reached: the proxy did not answer (check proxy-url)"
        case TimeoutError():
            kind, why = ErrorKind.TIMEOUT, "could not be reached in time (timeouts.connect)"
        case aiohttp.ClientConnectorError():
            why = f"could not be reached: {error.os_error.strerror or 'connection failed'}"
        case aiohttp.ServerDisconnectedError():
            why = "closed the connection without an answer"
        case aiohttp.ClientResponseError():
            why = "answered something that is not HTTP"
        case ConnectionError() | aiohttp.ClientOSError():
            why = "closed the connection without an answer"
    return RemoteError(kind, f"the upstream {host} {why}", scope=Scope.PROVIDER)


def _cut(error: Exception, host: str) -> RemoteError:
    return RemoteError(ErrorKind.API, f"the upstream {host} cut its answer before the end ({type(error).__name__})")
