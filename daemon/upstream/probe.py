"""Is a provider usable? Free checks only: DNS, connection, TLS, ``GET {base-url}/models``. Never a paid call.

    dns ─▶ connect ─▶ tls ─▶ models ─▶ Probe(checks, diagnosis)

The engine of the request path asks, with a pool of its own for each probe, so addresses, egress policy, proxies and
TLS are what a request would meet. Its trace gives the first three steps; behind a proxy there is only the last. The
first step that fails ends the probe with an explanation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct, structs

from daemon.config.urls import ascii_url, http_fault
from daemon.errors import RemoteError
from daemon.masks import Masks
from daemon.secret import mask_keys
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.diagnosis import Diagnosis, explain, lacks_version
from daemon.upstream.http.causes import Unanswered
from daemon.upstream.http.dialing import DialStep
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import DEFAULT_PORTS, Transport
from daemon.upstream.key_check import ask_without_key
from daemon.upstream.key_judgement import needs_second_question
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

    @property
    def is_answered(self) -> bool:
        """Whether the upstream has said anything of its models or the key."""
        return any(check.name == "models" and check.ok for check in self.checks)


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
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._transport = Transport(egress, self._step)
        self._began = 0.0  # when the running step did

    async def close(self) -> None:
        await self._transport.close()

    async def diagnosis(self, url: str) -> Diagnosis:
        response = await self._get(url)
        has_key, without = bool(self._auth.api_key), None
        if has_key and needs_second_question(response):
            until = asyncio.get_running_loop().time() + self._seconds
            transport = self._transport.open
            without = await ask_without_key(transport, self._auth, url=url, until=until, ca=self._ca)
        diagnosis = explain(response, has_key=has_key, model=self._auth.defaults.model, without=without)
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
            late = "connected, but there is no response"
            self._note("models", late, ok=False)
            raise Stopped(late, "the provider may be overloaded; try again") from error
        except Unanswered as error:
            cause = error.cause
            if cause.tried:
                self._note(cause.step or "models", cause.explanation, ok=False)
            raise Stopped(cause.explanation, cause.hint) from error
        except RemoteError as error:
            self._note("models", error.message, ok=False)
            raise Stopped(error.message, "check headers and api-key") from error
        self._note("models", f"HTTP {response.status}")
        self.clock = _date(response.headers.get("date", ""))
        return response

    @contextmanager
    def _step(self, name: DialStep) -> Iterator[list[str]]:
        """The engine's trace. Of a step that fails the error says why."""
        result: list[str] = []
        yield result
        detail = ", ".join(result[:4])
        self._note(name, f"{detail} port {self._port}" if name == "connect" else detail)

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
