"""The shape of a request's way up and its answer's way back: sans I/O, bytes in and bytes out.

A relay lives as long as the request and serves its attempts one after another. Until an attempt is
*committed* by its first piece of content, everything it brought is held back, so that the next
attempt can start afresh; what a keep-alive has already told the client stays valid across attempts.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from daemon.errors import GatewayError, RemoteError
from daemon.gateway.amendments import REASONING, Amendment, without
from daemon.inference.response import Usage
from daemon.snapshot.models import Candidate
from daemon.wires.base import EncodeOptions, UpstreamBody

HELD_EVENTS = 64
HELD_BYTES = 256 * 1024


class Target(Struct, frozen=True, kw_only=True):
    """Whom an attempt asks, and how: ``effort`` is the level of the model name's suffix, ``amendments`` what
    this upstream needs changed of the request."""

    candidate: Candidate
    effort: str | None = None
    amendments: tuple[Amendment, ...] = ()

    @property
    def unsupported(self) -> frozenset[str]:
        """The parameters not to send: what the provider's configuration lists, and what it has refused."""
        configured = frozenset(self.candidate.auth.unsupported_parameters)
        return configured | without(self.amendments) if self.amendments else configured

    @property
    def reasoning(self) -> bool:
        """Whether earlier reasoning goes along."""
        return not self.amendments or Amendment(REASONING) not in self.amendments

    @property
    def options(self) -> EncodeOptions:
        """What configuration, suffix and amendments say about the request on its way up."""
        auth = self.candidate.auth
        return EncodeOptions(
            model=self.candidate.model,
            effort=self.effort,
            default_effort=auth.defaults.model_reasoning_effort,
            store=auth.store,
            unsupported=self.unsupported,
        )

    def amended(self, amendment: Amendment) -> Target:
        """The same with one amendment more."""
        return replace(self, amendments=(*self.amendments, amendment))


class Relay(Protocol):
    """``committed``: content may be, or has been, shown to the client. ``finished``: the answer is
    complete. ``cut_short``: it is, though the upstream was still speaking. ``error``: why the current
    attempt failed, None while it has not. ``streamed``: the upstream was asked for an event stream.
    ``watched``: what comes of it is wanted as it comes, not only whole. ``answer_lost``: what of the
    answer the entry's wire could not carry."""

    committed: bool
    finished: bool
    cut_short: bool
    streamed: bool
    watched: bool
    error: RemoteError | None
    usage: Usage | None
    answer_lost: tuple[str, ...]

    @property
    def skipped(self) -> int:
        """Events of this attempt that could not be read."""
        ...

    def prepare(self, target: Target) -> UpstreamBody:
        """Begin an attempt: the body for this target. Forgets what the last attempt brought."""
        ...

    def accepted(self) -> None:
        """The upstream has taken the request: it answers."""
        ...

    def refused(self) -> None:
        """The upstream could not read the reasoning that went along."""
        ...

    def feed(self, data: bytes) -> None:
        """Bytes of an event stream."""
        ...

    def feed_whole(self, body: bytes) -> None:
        """A JSON body where an event stream was asked for: it is the whole answer."""
        ...

    def end_of_body(self) -> None:
        """The upstream's body ended cleanly; without a terminal event that is a failure."""
        ...

    def take(self) -> bytes:
        """What the client may have now; empty until committed."""
        ...

    def whole(self) -> bytes:
        """The whole answer for a client that did not ask for a stream."""
        ...

    def release(self) -> None:
        """The answer has been handed over, or nobody wants what came of it: keep none of it."""
        ...

    def keep_alive(self) -> bytes:
        """Bytes that the client counts as activity; they commit nothing."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The in-dialect last event of a stream that cannot go on."""
        ...
