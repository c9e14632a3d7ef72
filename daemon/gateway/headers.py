"""The headers of one request: those that go up to an upstream, and those of its answer that go down to the client.

A turn state (``x-codex-turn-state``) is a token of the upstream that made it: it goes to that core auth alone. One
of unknown origin, from before a restart, goes where only one core auth can have made it.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of


class PassedHeaders:
    """Of one request. ``passed`` are the headers that the client gets of the latest answer: names and values."""

    __slots__ = ("_client_request", "_owners", "passed")

    def __init__(self, client_request: ClientRequest, owners: ReasoningOwners) -> None:
        self._client_request = client_request
        self._owners = owners
        self.passed: tuple[tuple[str, str], ...] = ()

    def for_upstream(self, auth: CoreAuth, session: str) -> dict[str, str]:
        """The headers of a request to ``auth``'s upstream in the conversation ``session``."""
        client, adapter = self._client_request.headers, adapter_of(auth)
        bound = adapter.bound_header
        return adapter.headers(
            auth,
            client,
            same_wire=self._is_same_wire(auth),
            session=session,
            bound=bound not in client or self._is_made_by(auth, client[bound]),
        )

    def received(self, auth: CoreAuth, upstream: Mapping[str, str]) -> None:
        """An answer of ``auth``'s upstream has come; its headers are for clients of the same wire."""
        adapter = adapter_of(auth)
        if adapter.passed_down is None or not self._is_same_wire(auth):
            self.passed = ()
            return
        self.passed = adapter.passed_down(upstream)
        if value := upstream.get(adapter.bound_header):
            self._owners.made(auth.id, value.encode())

    def _is_made_by(self, auth: CoreAuth, value: str) -> bool:
        origin = self._owners.of(value.encode())
        if origin is not None:
            return origin == auth.id
        return sum(other.wire == auth.wire for other in self._client_request.snapshot.core_auths) < 2

    def _is_same_wire(self, auth: CoreAuth) -> bool:
        return self._client_request.wire.name == auth.wire
