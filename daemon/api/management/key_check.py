"""Whether upstreams take the keys that a write sets: asked by a free ``GET /models``, before anything is saved.

All keys of a write are asked at once, and the write waits ``SECONDS`` at most. Only a refusal in the words of an API
counts: an upstream that cannot be reached, answers later, or has no list of models, says nothing about a key.
``?skip-check=1`` leaves it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

from msgspec import structs

from daemon.api.management.upstream_rule import UpstreamRule, host_of
from daemon.api.services import Services, snapshot_in_force
from daemon.config.diagnostics import Diagnostic
from daemon.gateway.caller import Caller
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import Transport
from daemon.upstream.key_check import check_key

SECONDS: Final = 5.0
"""That a write waits for all its keys together."""
AT_ONCE: Final = 32
HINT: Final = "copy it again; ?skip-check=1 saves it all the same"


async def refused_keys(services: Services, who: Caller, new: Snapshot) -> tuple[Diagnostic, ...]:
    """An error for each key of config.yaml that ``new`` sets, its upstream refuses, and which is not in force."""
    old = snapshot_in_force(services)
    known = {each.source: each for each in old.providers}
    auths = list(_with_new_keys(old, new))
    new_urls = [
        known[each.source].base_url.strip() != each.base_url if each.source in known else True for each in auths
    ]
    found = await refusals(services, who, auths, new_urls=new_urls)
    return tuple(_refused(auth, why, new) for auth, why in zip(auths, found, strict=True) if why)


def _refused(auth: CoreAuth, why: str, new: Snapshot) -> Diagnostic:
    path = next(each.path for each in new.providers if each.source == auth.source)
    if auth.key:
        path = (*path, "api-key", auth.key - 1)
    return Diagnostic(severity="error", code="invalid-key", message=f"{auth.label}: {why}", path=path, hint=HINT)


async def refusals(
    services: Services, who: Caller, auths: Sequence[CoreAuth], *, new_urls: Sequence[bool]
) -> list[str]:
    """Why each upstream refuses its key; '' where it takes it, or does not say in time. ``new_urls``: which of their
    URLs the same write sets."""
    snapshot = snapshot_in_force(services)
    ca, turns = snapshot.config.upstream_ca, asyncio.Semaphore(AT_ONCE)
    until = asyncio.get_running_loop().time() + SECONDS

    async def one(auth: CoreAuth, is_new_url: bool) -> str:
        async with turns, AsyncExitStack() as stack:
            transport = Transport(_egress(services, who, auth, snapshot, is_new_url=is_new_url))
            stack.push_async_callback(transport.close)
            patience = until - asyncio.get_running_loop().time()
            diagnosis = await check_key(transport.open, auth, patience=patience, ca=ca)
        if diagnosis is None:
            return ""
        if diagnosis.verified != "no":
            services.live.keys.remember(auth, ca, diagnosis)
            return ""
        return diagnosis.explanation

    return await asyncio.gather(*(one(auth, is_new) for auth, is_new in zip(auths, new_urls, strict=True)))


def _egress(services: Services, who: Caller, auth: CoreAuth, snapshot: Snapshot, *, is_new_url: bool) -> EgressPolicy:
    """A policy of its own for a URL that is new: one that is refused in the end leaves no trace."""
    if not is_new_url:
        return services.egress
    egress = EgressPolicy(None, lambda: snapshot.config.remote_management.allow_private_upstreams)
    UpstreamRule(egress).note_hosts(who, [host_of(auth.base_url)])
    return egress


def _with_new_keys(old: Snapshot, new: Snapshot) -> Iterator[CoreAuth]:
    known = {each.source: {key.reveal().strip() for key in each.api_keys} for each in old.providers if each.path}
    for provider in new.providers:
        if provider.kind != "store" and provider.path and not provider.failed and host_of(provider.base_url):
            auths, _ = synthesize(new.config, (structs.replace(provider, enabled=True),))
            in_force = known.get(provider.source, set())
            yield from (auth for auth in auths if auth.api_key and auth.api_key.reveal() not in in_force)
