"""Whether upstreams take the keys that a write sets: asked once, by a free ``GET /models``, before anything is saved.

Only a refusal in the words of an API counts. An upstream that cannot be reached, or has no list of models, says nothing
about a key. ``?skip-check=1`` leaves it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from msgspec import structs

from daemon.api.management.upstream_rule import UpstreamRule, host_of
from daemon.api.services import Services, snapshot_in_force
from daemon.config.diagnostics import Diagnostic
from daemon.gateway.caller import Caller
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.probe import probe

CHECK_SECONDS: Final = 3.0
"""To connect, and as long again for the response."""
HINT: Final = "copy it again; ?skip-check=1 saves it all the same"


async def refused_keys(services: Services, who: Caller, new: Snapshot) -> tuple[Diagnostic, ...]:
    """An error for each key of config.yaml that ``new`` sets, its upstream refuses, and which is not in force."""
    old = snapshot_in_force(services)
    known = {each.source: each for each in old.providers}
    auths = list(_with_new_keys(old, new))
    found = await asyncio.gather(
        *(
            refused_key(
                services,
                who,
                auth,
                is_new_url=auth.source not in known or known[auth.source].base_url.strip() != auth.base_url,
            )
            for auth in auths
        )
    )
    return tuple(_refused(auth, why, new) for auth, why in zip(auths, found, strict=True) if why)


def _refused(auth: CoreAuth, why: str, new: Snapshot) -> Diagnostic:
    path = next(each.path for each in new.providers if each.source == auth.source)
    if auth.key:
        path = (*path, "api-key", auth.key - 1)
    return Diagnostic(severity="error", code="invalid-key", message=f"{auth.label}: {why}", path=path, hint=HINT)


async def refused_key(services: Services, who: Caller, auth: CoreAuth, *, is_new_url: bool) -> str:
    """What the upstream says of the key; empty where it takes it, or does not say."""
    snapshot = snapshot_in_force(services)
    egress = services.egress
    if is_new_url:  # a policy of its own: a URL that is refused in the end leaves no trace
        egress = EgressPolicy(None, lambda: snapshot.config.remote_management.allow_private_upstreams)
        UpstreamRule(egress).note_hosts(who, [host_of(auth.base_url)])
    result = await probe(auth, egress=egress, ca=snapshot.config.upstream_ca, timeout=CHECK_SECONDS)
    return result.diagnosis.explanation if result.diagnosis.key_refused else ""


def _with_new_keys(old: Snapshot, new: Snapshot) -> Iterator[CoreAuth]:
    known = {each.source: {key.reveal().strip() for key in each.api_keys} for each in old.providers if each.path}
    for provider in new.providers:
        if provider.path and not provider.failed and host_of(provider.base_url):
            auths, _ = synthesize(new.config, (structs.replace(provider, enabled=True),))
            in_force = known.get(provider.source, set())
            yield from (auth for auth in auths if auth.api_key and auth.api_key.reveal() not in in_force)
