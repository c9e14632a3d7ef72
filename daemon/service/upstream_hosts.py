"""Where upstreams may be, and what they list: what follows a snapshot before and after it is in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daemon.api.management.upstream_rule import host_of, hosts_of
from daemon.reload.appliers import Applier
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.discovery import ModelDiscovery
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy


def remote_hosts(egress: EgressPolicy) -> Applier:
    """Keeps the hosts that were set through the management API from private addresses."""

    @asynccontextmanager
    async def follow(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        """Before any request may connect: a URL may have been set through another daemon of the same store. Afterwards
        hosts are forgotten that nothing mentions any more."""
        hosts = [host_of(auth.base_url) for auth in new.core_auths if auth.set_by == "remote"]
        if hosts:
            await asyncio.to_thread(egress.note, hosts, AllowedNetworks.PUBLIC)
        mentioned = await asyncio.to_thread(hosts_of, new) if egress.hosts else frozenset[str]()
        yield
        # The URL of a provider whose references fail may not be known.
        if egress.hosts and not any(each.failed for each in new.providers) and egress.follow(mentioned):
            await asyncio.to_thread(egress.forget)

    return follow


def listed_models(discovery: ModelDiscovery) -> Applier:
    """Asks upstreams for their models."""

    @asynccontextmanager
    async def follow(old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        yield
        discovery.follow(new.core_auths, new.config.upstream_ca)
        if old is not None and old.config != new.config:  # a row of the store that changes asks its own upstream alone
            discovery.refresh()

    return follow
