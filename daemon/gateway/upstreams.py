"""The side of the transport that the gateway uses."""

from __future__ import annotations

from typing import Protocol

from daemon.upstream.call import UpstreamAnswer, UpstreamCall


class Upstreams(Protocol):
    """Where requests leave. Raises ``RemoteError`` when no head was answered."""

    async def open(self, call: UpstreamCall) -> UpstreamAnswer: ...
