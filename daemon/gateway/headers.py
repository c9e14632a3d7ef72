"""The headers of one request: those that go up to an upstream, and those of its answer that go down to the client.

A turn state (``x-codex-turn-state``) is a token of the upstream that made it: it goes to that core auth alone. One
of unknown origin, from before a restart, goes to the first that is asked: whoever takes it is its owner from then on,
and whoever refuses it is not sent it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.privacy import masked_headers
from daemon.wires.openai.parameters import TURN_STATE


class PassedHeaders:
    """Of one request. ``passed`` are the headers that the client gets of the latest answer: names and values.
    ``lost``: those of the client that it has lost in the latest attempt."""

    __slots__ = ("_client_request", "_first", "_owners", "_state", "lost", "passed")

    def __init__(self, client_request: ClientRequest, owners: ReasoningOwners) -> None:
        self._client_request = client_request
        self._owners = owners
        self._state = client_request.headers.get(TURN_STATE, "").encode()
        self._first = ""  # who was asked first
        self.lost: tuple[str, ...] = ()
        self.passed: tuple[tuple[str, str], ...] = ()

    def for_upstream(self, adapter: Adapter, session: str, amendments: Sequence[Amendment] = ()) -> dict[str, str]:
        """The headers of a request to ``adapter``'s upstream in the conversation ``session``, as it takes them."""
        self._first = self._first or adapter.auth.id
        headers = adapter.headers(
            self._client_request.headers,
            same_wire=self._is_same_wire(adapter),
            session=session,
            bound=not self._state or self._may_have(adapter.auth),
            amendments=amendments,
        )
        self.lost = (TURN_STATE,) if self._state and TURN_STATE not in headers else ()
        return headers

    def accepted(self, adapter: Adapter) -> None:
        """``adapter``'s upstream answers the request."""
        if self._state and not self.lost:
            self._owners.accepted(adapter.auth.id, (self._state,))

    def refused(self, adapter: Adapter) -> None:
        """It does not take the turn state."""
        self._owners.refused(adapter.auth.id, (self._state,))

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

    def _may_have(self, auth: CoreAuth) -> bool:
        known = self._owners.of(self._state) is not None
        return self._owners.may_go(auth.id, self._state) and (known or auth.id == self._first)

    def _is_same_wire(self, adapter: Adapter) -> bool:
        return self._client_request.wire is adapter.wire
