"""Attempts for tests: whom they ask, by an adapter whose way out is nowhere unless the test is about it."""

from __future__ import annotations

from typing import Any

from daemon.gateway.response_pipe import AttemptTarget
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Candidate
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse


async def nowhere(call: UpstreamCall) -> UpstreamResponse:
    raise AssertionError(f"nobody is to be asked: {call.url}")


def adapter(auth: CoreAuth) -> Adapter:
    return AdapterRegistry(nowhere).build(auth)


def target(candidate: Candidate, **more: Any) -> AttemptTarget:
    return AttemptTarget(candidate=candidate, adapter=adapter(candidate.auth), **more)
