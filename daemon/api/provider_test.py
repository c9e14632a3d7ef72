"""``POST /v0/management/providers/{name}/test``: is this provider usable? Free checks only.

The URL is the configured one: no part of the request chooses where the daemon connects to.
"""

from __future__ import annotations

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.answers import CheckView, ProviderTest
from daemon.api.masked import masked_url
from daemon.api.problems import answer
from daemon.api.services import Services, snapshot_in_force
from daemon.config.provider import Provider, lower_name
from daemon.config.schema import Config
from daemon.errors import ErrorKind, LocalError
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.diagnosis import Diagnosis
from daemon.upstream.probe import Probe, probe


class ProviderTestRoute:
    """The route; ``services`` has the snapshot and what is remembered of upstream hosts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def test(self, request: Request) -> Response:
        """200 with what was found, good or bad; 404 for a provider that does not exist."""
        snapshot = snapshot_in_force(self._services)
        name = request.path_params["name"]
        auth = found(name, snapshot)
        if isinstance(auth, Diagnosis):
            return answer(view(name, Probe(url="", checks=(), diagnosis=auth)))
        result = await probe(auth, egress=self._services.egress, ca=snapshot.config.upstream_ca)
        return answer(view(auth.name, result))


def found(name: str, snapshot: Snapshot) -> CoreAuth | Diagnosis:
    """The provider's core auth, also of a disabled one; a finding where it lacks what a test needs. Raises 404."""
    for auth in snapshot.core_auths:
        if lower_name(auth.name) == lower_name(name):
            return auth
    named = [each for each in snapshot.providers if each.is_named(name)]
    if not named:
        raise LocalError(ErrorKind.NOT_FOUND, f"there is no provider {name[:100]!r}")
    return switched_on(named[-1], snapshot.config)  # the last: a tppc provider may be called packycode


def switched_on(provider: Provider, settings: Config) -> CoreAuth | Diagnosis:
    """What a disabled provider would be, were it enabled."""
    if not provider.base_url.strip():
        return Diagnosis(ok=False, explanation="this provider has no base-url yet", hint="fill in base-url")
    (auth,), _ = synthesize(settings, (structs.replace(provider, enabled=True),))
    return auth


def view(name: str, result: Probe) -> ProviderTest:
    diagnosis = result.diagnosis
    return ProviderTest(
        provider=name,
        ok=diagnosis.ok,
        url=masked_url(result.url),
        explanation=diagnosis.explanation,
        hint=diagnosis.hint,
        checks=[
            CheckView(name=each.name, ok=each.ok, detail=each.detail, milliseconds=each.milliseconds)
            for each in result.checks
        ],
        models=None if diagnosis.models is None else list(diagnosis.models),
    )
