"""The headers of one request: those that go up to an upstream, and those of its answer that go down to the client.

A turn state (``x-codex-turn-state``) is a token of the upstream that made it: it goes to that core auth alone. One
of unknown origin, from before a restart, goes where only one core auth can have made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.privacy import masked_headers


class PassedHeaders:
    """Of one request. ``passed`` are the headers that the client gets of the latest answer: names and values."""

    __slots__ = ("_client_request", "_owners", "passed")

    def __init__(self, client_request: ClientRequest, owners: ReasoningOwners) -> None:
        self._client_request = client_request
        self._owners = owners
        self.passed: tuple[tuple[str, str], ...] = ()

    def for_upstream(self, adapter: Adapter, session: str, amendments: Sequence[Amendment] = ()) -> dict[str, str]:
        """The headers of a request to ``adapter``'s upstream in the conversation ``session``, as it takes them."""
        client, bound = self._client_request.headers, adapter.kind.bound_header
        return adapter.headers(
            client,
            same_wire=self._is_same_wire(adapter),
            session=session,
            bound=bound not in client or self._is_made_by(adapter.auth, client[bound]),
            amendments=amendments,
        )

    def received(self, adapter: Adapter, upstream: Mapping[str, str]) -> None:
        """An answer of ``adapter``'s upstream has come; its headers are for clients of the same wire."""
        kind = adapter.kind
        if kind.passed_down is None or not self._is_same_wire(adapter):
            self.passed = ()
            return
        passed = kind.passed_down(upstream)
        self.passed = masked_headers(passed, adapter.masks(self._client_request.headers)) if passed else ()
        if value := upstream.get(kind.bound_header):
            self._owners.made(adapter.auth.id, value.encode())

    def _is_made_by(self, auth: CoreAuth, value: str) -> bool:
        origin = self._owners.of(value.encode())
        if origin is not None:
            return origin == auth.id
        return sum(other.wire == auth.wire for other in self._client_request.snapshot.core_auths) < 2

    def _is_same_wire(self, adapter: Adapter) -> bool:
        return self._client_request.wire is adapter.wire
