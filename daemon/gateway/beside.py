"""What travels beside the bodies of one request: its headers up, and what the upstream says to its own clients down.

A turn state (``x-codex-turn-state``) is a token of the upstream that made it: it goes to that core auth alone. One
of unknown origin, from before a restart, goes where only one core auth can have made it.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.gateway.inbound import Inbound
from daemon.gateway.origins import Origins
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of


class Beside:
    """Of one request. ``passed`` are the headers that the client gets of the latest answer."""

    __slots__ = ("_inbound", "_origins", "passed")

    def __init__(self, inbound: Inbound, origins: Origins) -> None:
        self._inbound = inbound
        self._origins = origins
        self.passed: tuple[tuple[str, str], ...] = ()

    def up(self, auth: CoreAuth, session: str) -> dict[str, str]:
        """The headers of a request to ``auth``'s upstream in the conversation ``session``."""
        client, adapter = self._inbound.headers, adapter_of(auth)
        bound = adapter.bound_header
        return adapter.headers(
            auth,
            client,
            same_wire=self._is_same_wire(auth),
            session=session,
            bound=bound not in client or self._is_made_by(auth, client[bound]),
        )

    def down(self, auth: CoreAuth, upstream: Mapping[str, str]) -> None:
        """Takes the headers of an answer of ``auth``'s upstream: they are for clients of the same wire."""
        adapter = adapter_of(auth)
        if adapter.passed_down is None or not self._is_same_wire(auth):
            self.passed = ()
            return
        self.passed = adapter.passed_down(upstream)
        if value := upstream.get(adapter.bound_header):
            self._origins.made(auth.id, value.encode())

    def _is_made_by(self, auth: CoreAuth, value: str) -> bool:
        origin = self._origins.of(value.encode())
        if origin is not None:
            return origin == auth.id
        return sum(other.wire == auth.wire for other in self._inbound.snapshot.core_auths) < 2

    def _is_same_wire(self, auth: CoreAuth) -> bool:
        return self._inbound.wire.name == auth.wire
