"""The side of the transport that the gateway uses."""

from __future__ import annotations

from typing import Protocol

from daemon.upstream.http.call import UpstreamCall, UpstreamResponse


class Upstreams(Protocol):
    """Where requests leave. Raises ``RemoteError`` when no head was answered."""

    async def open(self, call: UpstreamCall) -> UpstreamResponse: ...
