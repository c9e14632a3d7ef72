"""Is a provider usable? Free checks only: DNS, connection, TLS, ``GET {base-url}/models``. Never a paid call.

    dns ─▶ connect ─▶ tls ─▶ models ─▶ Probe(checks, diagnosis)

The engine of the request path asks, with a pool of its own for each probe, so addresses, egress policy, proxies and
TLS are what a request would meet. Its trace gives the first three steps; behind a proxy there is only the last. The
first step that fails ends the probe with an explanation.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct, structs

from daemon.config.urls import BYPASS, ascii_url, http_fault
from daemon.errors import RemoteError
from daemon.masks import Masks
from daemon.secret import mask_keys
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.diagnosis import Diagnosis, explain, lacks_version
from daemon.upstream.http.connection import Cut, NotHttp
from daemon.upstream.http.dialing import BadCaFile, DialStep, ForbiddenAddress, ProxyFailed
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import DEFAULT_PORTS, Transport
from daemon.upstream.model_list import ModelsResponse, ask_models
from daemon.upstream.privacy import secrets_of

Step = DialStep | Literal["models"]


class Check(Struct, frozen=True, kw_only=True):
    """One step."""

    name: Step
    ok: bool
    detail: str
    milliseconds: float


class Probe(Struct, frozen=True, kw_only=True):
    """What was checked, in order, and what it means. ``url`` is what was asked, without its query;
    ``clock`` what the upstream's clock says (Unix seconds), None where it says nothing."""

    url: str
    checks: tuple[Check, ...]
    diagnosis: Diagnosis
    clock: float | None = None


class Stopped(Exception):
    """A step failed, and this is why."""

    def __init__(self, explanation: str, hint: str = "") -> None:
        super().__init__(explanation)
        self.diagnosis = Diagnosis(ok=False, explanation=explanation, hint=hint)


async def probe(auth: CoreAuth, *, egress: EgressPolicy | None = None, ca: str = "", timeout: float = 10.0) -> Probe:  # noqa: ASYNC109 - seconds to connect, and as many for the response
    """Check the provider behind ``auth``. ``ca`` is an extra CA file or ''."""
    if fault := http_fault(auth.base_url):  # of a disabled provider, which has not been checked yet
        diagnosis = Diagnosis(
            ok=False, explanation=f"base-url is not a valid address: {fault}", hint="correct base-url"
        )
        return Probe(url="", checks=(), diagnosis=diagnosis)
    url = adapter_of(auth).models_url(auth.base_url)
    run = _Run(auth, egress or EgressPolicy(), ca, timeout)
    try:
        diagnosis = await run.diagnosis(url)
    except Stopped as stopped:
        diagnosis = stopped.diagnosis
    finally:
        await run.close()
    return _without_secrets(
        Probe(url=url.partition("?")[0], checks=tuple(run.checks), diagnosis=diagnosis, clock=run.clock), auth
    )


def _without_secrets(result: Probe, auth: CoreAuth) -> Probe:
    """Upstreams quote the keys and headers that they refuse."""
    masks, said = Masks(secrets_of(auth)), result.diagnosis
    checks = tuple([structs.replace(each, detail=masks(each.detail)) for each in result.checks])
    explanation, hint = mask_keys(masks(said.explanation)), mask_keys(masks(said.hint))
    return structs.replace(result, checks=checks, diagnosis=structs.replace(said, explanation=explanation, hint=hint))


class _Run:
    """The steps of one probe; ``checks`` grows as they are done."""

    def __init__(self, auth: CoreAuth, egress: EgressPolicy, ca: str, seconds: float) -> None:
        self.checks: list[Check] = []
        self.clock: float | None = None
        self._auth = auth
        self._ca = ca
        self._seconds = seconds
        url = urlsplit(ascii_url(auth.base_url))
        self._host, self._port = url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]
        self._transport = Transport(egress, self._step)
        self._stopped: Stopped | None = None  # why the latest step of dialing failed
        self._began = 0.0  # when the running step did

    async def close(self) -> None:
        await self._transport.close()

    async def diagnosis(self, url: str) -> Diagnosis:
        response = await self._get(url)
        diagnosis = explain(response, has_key=bool(self._auth.api_key), model=self._auth.defaults.model)
        if diagnosis.ok or not lacks_version(url) or not (response.is_html or response.status == 404):
            return diagnosis
        return await self._with_version(url) or diagnosis

    async def _with_version(self, url: str) -> Diagnosis | None:
        """What is at ``/v1/models``, where nothing useful is at ``/models``: the commonest mistake."""
        parts = urlsplit(url)
        path = parts.path.removesuffix("/models") + "/v1"
        try:
            response = await self._get(urlunsplit(parts._replace(path=f"{path}/models")))
        except Stopped:
            return None
        if not response.speaks_json or response.status == 404:
            return None
        better = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        return Diagnosis(
            ok=False, explanation="base-url lacks /v1: the API is one level deeper", hint=f"write base-url: {better}"
        )

    async def _get(self, url: str) -> ModelsResponse:
        self._began = time.perf_counter()
        try:
            async with asyncio.timeout(2 * self._seconds):
                response = await ask_models(
                    self._transport.open, self._auth, url=url, connect_timeout=self._seconds, ca=self._ca
                )
        except TimeoutError as error:
            late = Stopped("connected, but there is no response", "the provider may be overloaded; try again")
            raise self._failed(late) from error
        except RemoteError as error:
            cause = error.__cause__ or error
            stopped = self._failed(_unanswered(cause, self._host, behind_proxy=self._is_behind_proxy))
            raise stopped from error
        self._note("models", f"HTTP {response.status}")
        self.clock = _date(response.headers.get("date", ""))
        return response

    @property
    def _is_behind_proxy(self) -> bool:
        return self._auth.proxy_url not in ("", *BYPASS)

    @contextmanager
    def _step(self, name: DialStep) -> Iterator[list[str]]:
        """The engine's trace."""
        result: list[str] = []
        self._stopped = None
        try:
            yield result
        except BaseException as error:
            late = isinstance(error, asyncio.CancelledError)  # the engine's time limit has passed
            self._stopped = _undialed(name, TimeoutError() if late else error, self._host, self._port)
            self._note(name, str(self._stopped), ok=False)
            raise
        detail = ", ".join(result[:4])
        self._note(name, f"{detail} port {self._port}" if name == "connect" else detail)

    def _failed(self, unanswered: Stopped) -> Stopped:
        """Why there is no response: the step of dialing that failed, else ``unanswered``."""
        if self._stopped is not None:
            return self._stopped
        if not isinstance(unanswered, NotTried):
            self._note("models", str(unanswered), ok=False)
        return unanswered

    def _note(self, name: Step, detail: str, *, ok: bool = True) -> None:
        """Keeps how a step ended. A further address replaces what was noted of the one before; of the second URL
        only the response counts."""
        now = time.perf_counter()
        milliseconds, self._began = round((now - self._began) * 1000, 1), now
        names = [check.name for check in self.checks]
        if name != "models" and "models" in names:
            return
        if name != "models" and name in names:
            del self.checks[names.index(name) :]
        self.checks.append(Check(name=name, ok=ok, detail=detail, milliseconds=milliseconds))


def _date(header: str) -> float | None:
    try:
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None


# --- what an error of the engine means ------------------------------------------------------------


class NotTried(Stopped):
    """The configuration forbids it, or cannot be used, so no step has begun."""


def _undialed(step: DialStep, error: BaseException, host: str, port: int) -> Stopped:
    match step:
        case "dns" if isinstance(error, ForbiddenAddress):
            return _forbidden(error)
        case "dns":
            return Stopped(
                f"the name {host} does not resolve",
                "check the spelling of base-url; if it is right, this machine's DNS",
            )
        case "connect":
            return _unconnected(error, host, port)
        case "tls":
            return _no_tls(error, host)


def _forbidden(error: ForbiddenAddress) -> NotTried:
    return NotTried(
        f"{error.host} leads to {error}, and was set through the API from another host",
        "write it into config.yaml yourself, or see remote-management.allow-private-upstreams",
    )


def _unconnected(error: BaseException, host: str, port: int) -> Stopped:
    if isinstance(error, ConnectionRefusedError):
        return Stopped(f"nothing listens on {host} port {port}", "is the server running, and is the port right?")
    if isinstance(error, TimeoutError):
        return Stopped(
            f"{host} port {port} does not answer in time",
            "a firewall may drop the packets; where a proxy is needed, set proxy-url",
        )
    reason = error.strerror if isinstance(error, OSError) else None
    return Stopped(f"{host} cannot be reached: {reason or 'no route'}", "check this machine's network")


def _no_tls(error: BaseException, host: str) -> Stopped:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Stopped(
            f"the certificate of {host} is not trusted: {error.verify_message.rstrip('.')}",
            "a certificate of your own CA: set upstream-ca to it; a wrong host name: check base-url",
        )
    if isinstance(error, ssl.SSLError) and error.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "RECORD_LAYER_FAILURE",
    ):
        return Stopped(f"{host} uses plain HTTP on this port, not HTTPS", "write http:// in base-url")
    return Stopped(f"the TLS handshake with {host} fails", "is this an HTTPS port?")


def _unanswered(error: BaseException, host: str, *, behind_proxy: bool) -> Stopped:
    match error:
        case ForbiddenAddress():
            return _forbidden(error)
        case BadCaFile():
            return NotTried("the file that upstream-ca names cannot be used", "it must be a PEM file")
        case ssl.SSLError():  # inside a proxy's tunnel, which has no steps
            return _no_tls(error, host)
        case ProxyFailed() | TimeoutError() if behind_proxy:
            return Stopped("the proxy does not let the request through", "check proxy-url: address, user and password")
        case NotHttp() | Cut(unanswered=True) | Cut(__cause__=None):
            return Stopped(
                "what answers there is not an HTTP server, or hangs up",
                "check the port, and http or https, in base-url",
            )
        case RemoteError(message=str(message)):
            return Stopped(message, "check headers and api-key")
        case _:
            return Stopped("the connection broke off before an answer", "try again; check base-url")
