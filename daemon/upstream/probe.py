"""Is a provider usable? Free checks only: DNS, connection, TLS, ``GET {base-url}/models``. Never a paid call.

    dns ─▶ connect ─▶ tls ─▶ models ─▶ Probe(checks, finding)

Each step that fails ends the probe with an explanation. The client lives as long as one probe. The
address that was looked at is the one that is connected to; no redirects, no proxy environment.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx
from msgspec import Struct

from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.doors import upstream_headers
from daemon.upstream.findings import Answer, Finding, explain, lacks_version
from daemon.upstream.reaches import Reaches
from daemon.wires.table import WIRES

MOST_BYTES: Final = 1024 * 1024
NO_PROXY: Final = ("", "direct", "none")


StepName = Literal["dns", "connect", "tls", "models"]


class Check(Struct, frozen=True, kw_only=True):
    """One step."""

    name: StepName
    ok: bool
    detail: str
    milliseconds: float


class Probe(Struct, frozen=True, kw_only=True):
    """What was looked at, in order, and what it means. ``url`` is what was asked, without its query;
    ``clock`` what the upstream's clock says (Unix seconds), None where it says nothing."""

    url: str
    checks: tuple[Check, ...]
    finding: Finding
    clock: float | None = None


class Stopped(Exception):
    """A step failed, and this is why."""

    def __init__(self, explanation: str, hint: str = "") -> None:
        super().__init__(explanation)
        self.finding = Finding(ok=False, explanation=explanation, hint=hint)


async def probe(auth: CoreAuth, *, reaches: Reaches | None = None, ca: str = "", timeout: float = 10.0) -> Probe:  # noqa: ASYNC109 - seconds per step
    """Look at the provider behind ``auth``. ``ca`` is an extra CA file or ''."""
    run = _Run(auth, reaches or Reaches(), ca, timeout)
    url = models_url(auth)
    try:
        finding = await run.all_steps(url)
    except Stopped as stopped:
        finding = stopped.finding
    return Probe(url=url.partition("?")[0], checks=tuple(run.checks), finding=finding, clock=run.clock)


def models_url(auth: CoreAuth) -> str:
    """Where the provider lists its models: the place of its endpoint with ``/models`` in its stead."""
    parts = urlsplit(auth.url)
    path = parts.path.removesuffix(WIRES[auth.wire].upstream.endpoint) + "/models"
    return urlunsplit(parts._replace(path=path))


class _Run:
    """The steps of one probe; ``checks`` grows as they are done."""

    def __init__(self, auth: CoreAuth, reaches: Reaches, ca: str, seconds: float) -> None:
        self.checks: list[Check] = []
        self.clock: float | None = None
        self._auth = auth
        self._reaches = reaches
        self._ca = ca
        self._seconds = seconds
        self._proxy = "" if auth.proxy_url in NO_PROXY else auth.proxy_url

    async def all_steps(self, url: str) -> Finding:
        parts = urlsplit(url)
        context = self._context() if parts.scheme == "https" else None
        address = None
        if self._proxy:
            await self._look_behind_proxy(parts)
        else:
            address = await self._reached(parts, context)
        answer = await self._ask(url, address, context)
        finding = explain(answer, has_key=bool(self._auth.api_key), model=self._auth.defaults.model)
        if finding.ok or not lacks_version(url) or not (answer.is_html or answer.status == 404):
            return finding
        return await self._with_version(parts, address, context) or finding

    async def _reached(self, parts: SplitResult, context: ssl.SSLContext | None) -> str:
        """The address of the host, after DNS, connection and TLS have been tried."""
        host, port = parts.hostname or "", parts.port or (443 if context else 80)
        address, connection = await self._connect(await self._resolve(host), port, host)
        with closing(connection):
            if context is not None:
                await self._handshake(connection, host, context)
        return address

    async def _look_behind_proxy(self, parts: SplitResult) -> None:
        """The proxy resolves the host. Where both lead is looked at; the proxy's address is the one that is used."""
        proxy = httpx.URL(self._proxy)
        with suppress(OSError, UnicodeError):
            await self._addresses(parts.hostname or "")
        with suppress(OSError, UnicodeError):
            address, *_ = await self._addresses(proxy.host)
            self._proxy = str(proxy.copy_with(host=address)) if proxy.scheme == "http" else self._proxy

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Where ``host`` leads. Raises ``OSError``, and ``Stopped`` where it must not lead there."""
        async with asyncio.timeout(self._seconds):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
        if refusal := self._reaches.refusal(host, addresses):
            raise Stopped(
                f"{host} leads to {refusal}, and was set through the API from another host",
                "write it into config.yaml itself, or see remote-management.allow-private-upstreams",
            )
        return addresses

    async def _resolve(self, host: str) -> tuple[str, ...]:
        with self._step("dns") as told:
            try:
                addresses = await self._addresses(host)
            except (OSError, UnicodeError) as error:
                raise Stopped(
                    f"the name {host} does not resolve",
                    "check the spelling of base-url; if it is right, this machine's DNS",
                ) from error
            told.append(", ".join(addresses[:4]))
            return addresses

    async def _connect(self, addresses: tuple[str, ...], port: int, host: str) -> tuple[str, socket.socket]:
        """The first address that takes a connection, and the connection."""
        with self._step("connect") as told:
            failure: OSError = OSError("no address")
            for address in addresses:
                try:
                    async with asyncio.timeout(self._seconds):
                        connection = await _connected(address, port)
                    told.append(f"{address} port {port}")
                    return address, connection
                except OSError as error:  # a TimeoutError is one
                    failure = error
            raise _unconnected(failure, host, port) from failure

    async def _handshake(self, connection: socket.socket, host: str, context: ssl.SSLContext) -> None:
        with self._step("tls") as told:
            try:
                async with asyncio.timeout(self._seconds):
                    _, writer = await asyncio.open_connection(sock=connection, ssl=context, server_hostname=host)
            except OSError as error:  # an SSLError is one
                raise _no_tls(error, host) from error
            told.append(str(writer.get_extra_info("ssl_object").version()))
            writer.transport.abort()

    async def _ask(self, url: str, address: str | None, context: ssl.SSLContext | None) -> Answer:
        with self._step("models") as told:
            try:
                answer = await self._get(url, address, context)
            except httpx.HTTPError as error:
                raise _unanswered(error, self._proxy) from error
            except ImportError as error:  # httpx needs a package of its own for SOCKS
                raise Stopped("a SOCKS proxy cannot be looked through by this check", "try a request") from error
            told.append(f"HTTP {answer.status}")
            self.clock = _date(answer.headers.get("date", ""))
            return answer

    async def _get(self, url: str, address: str | None, context: ssl.SSLContext | None) -> Answer:
        parts = urlsplit(url)
        pinned, extensions = httpx.URL(url), {}
        headers = upstream_headers(self._auth, {}, same_wire=False) | {"accept": "application/json"}
        del headers["content-type"]
        if address is not None:
            pinned = pinned.copy_with(host=address)
            headers["host"] = parts.netloc.rpartition("@")[2]
            extensions = {"sni_hostname": parts.hostname or ""}
        async with (
            httpx.AsyncClient(
                verify=context or False, trust_env=False, timeout=self._seconds, proxy=self._proxy or None
            ) as client,
            client.stream("GET", pinned, headers=headers, extensions=extensions) as response,
        ):
            body = b""
            async for data in response.aiter_bytes():
                body += data
                if len(body) > MOST_BYTES:
                    break
            return Answer(url=url, status=response.status_code, headers=dict(response.headers), body=body)

    async def _with_version(
        self, parts: SplitResult, address: str | None, context: ssl.SSLContext | None
    ) -> Finding | None:
        """What is at ``/v1/models``, where nothing useful is at ``/models``: the commonest mistake."""
        path = parts.path.removesuffix("/models") + "/v1"
        try:
            answer = await self._ask(urlunsplit(parts._replace(path=f"{path}/models")), address, context)
        except Stopped:
            return None
        if not answer.speaks_json or answer.status == 404:
            return None
        better = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        return Finding(
            ok=False, explanation="base-url lacks /v1: the API is one level below", hint=f"write base-url: {better}"
        )

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        try:
            if self._ca:
                context.load_verify_locations(cafile=self._ca)
        except (OSError, ssl.SSLError) as error:
            raise Stopped("the file that upstream-ca names cannot be used", "it must be a PEM file") from error
        return context

    @contextmanager
    def _step(self, name: StepName) -> Iterator[list[str]]:
        """Times a step and keeps how it ended; the block puts its detail into the list."""
        began = time.perf_counter()
        told: list[str] = []
        ok = False
        try:
            yield told
            ok = True
        except Stopped as stopped:
            told.append(stopped.finding.explanation)
            raise
        finally:
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            self.checks.append(Check(name=name, ok=ok, detail="".join(told), milliseconds=milliseconds))


def _date(header: str) -> float | None:
    try:
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None


async def _connected(address: str, port: int) -> socket.socket:
    """A connection that the caller closes."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _unconnected(error: OSError, host: str, port: int) -> Stopped:
    if isinstance(error, ConnectionRefusedError):
        return Stopped(f"nothing listens on {host} port {port}", "is the server running, and is the port right?")
    if isinstance(error, TimeoutError):
        return Stopped(
            f"{host} port {port} does not answer in time",
            "a firewall may drop the packets; where a proxy is needed, set proxy-url",
        )
    return Stopped(f"{host} cannot be reached: {error.strerror or 'no route'}", "check this machine's network")


def _no_tls(error: Exception, host: str) -> Stopped:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Stopped(
            f"the certificate of {host} is not trusted: {error.verify_message.rstrip('.')}",
            "a certificate of your own CA: name it in upstream-ca; a wrong host name: check base-url",
        )
    if isinstance(error, ssl.SSLError) and error.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "RECORD_LAYER_FAILURE",
    ):
        return Stopped(f"{host} speaks plain HTTP on this port, not HTTPS", "write http:// in base-url")
    return Stopped(f"the TLS handshake with {host} fails", "is this an HTTPS port?")


def _unanswered(error: httpx.HTTPError, proxy: str) -> Stopped:
    if isinstance(error, httpx.ProxyError) or (proxy and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)):
        return Stopped("the proxy does not let the request through", "check proxy-url: address, user and password")
    if isinstance(error, httpx.TimeoutException):
        return Stopped("connected, but no answer comes", "the provider may be overloaded; try again")
    if isinstance(error, httpx.RemoteProtocolError):
        return Stopped(
            "what answers there does not speak HTTP, or hangs up", "check the port, and http or https, in base-url"
        )
    return Stopped("the connection broke off before an answer", "try again; check base-url")
