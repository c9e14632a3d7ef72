"""The shape of a request's way up and its answer's way back: sans I/O, bytes in and bytes out.

A pipe lives as long as the request and serves its attempts one after another. Until an attempt is
*committed* by its first piece of content, everything it brought is held back, so that the next
attempt can start afresh; what a keep-alive has already sent to the client stays valid across attempts.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.events import MessageStart
from daemon.inference.response import FinishReason, Usage
from daemon.snapshot.listings import Candidate
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.amendments.parameters import REASONING, TURN_STATE
from daemon.upstream.amendments.rule import Amendment
from daemon.wires.base import EncodeOptions, Ending

HELD_EVENTS = 64
HELD_BYTES = 256 * 1024


class AttemptTarget(Struct, frozen=True, kw_only=True):
    """Whom an attempt asks, and how: ``adapter`` serves the candidate's core auth, ``effort`` is the level of the
    model name's suffix, ``amendments`` what this upstream needs changed of the request."""

    candidate: Candidate
    adapter: Adapter
    effort: str | None = None
    amendments: tuple[Amendment, ...] = ()

    @property
    def reasoning(self) -> bool:
        """Whether earlier reasoning goes along."""
        return not self.amendments or Amendment(REASONING) not in self.amendments

    @property
    def leaves_turn_state(self) -> bool:
        """Whether the client's turn state stays behind."""
        return Amendment(TURN_STATE) in self.amendments

    @property
    def options(self) -> EncodeOptions:
        """What configuration, suffix and amendments say about the request on its way up."""
        return self.adapter.options(self.candidate.model, effort=self.effort, amendments=self.amendments)

    def amended(self, amendment: Amendment) -> AttemptTarget:
        """The same with one amendment more."""
        return replace(self, amendments=(*self.amendments, amendment))


class PreparedRequest(Struct, frozen=True, kw_only=True):
    """A request as it goes to an upstream. ``lost`` names what of the client's could not be carried, ``session`` the
    conversation ('' where upstreams of this wire take none). ``streamed``: it asks for an event stream.
    ``watched``: the answer is needed piece by piece as it comes, not only whole. ``path``: of an endpoint behind the
    wire's own, '' for that."""

    body: bytes
    lost: tuple[str, ...]
    session: str
    streamed: bool
    watched: bool
    path: str = ""


class AnswerSummary(Struct, frozen=True, kw_only=True):
    """What log and metrics say of an answer. ``cut_short``: it was complete while the upstream was still writing (at
    a stop sequence), so that ``usage`` is an estimate of ours. ``lost``: what the entry's wire could not carry.
    ``start``: the ID and the model that the upstream gave, where they were read."""

    usage: Usage | None
    cut_short: bool
    lost: tuple[str, ...]
    start: MessageStart | None = None
    finish: FinishReason | None = None


Stage = Literal["held", "committed", "finished"]
"""How far an attempt has come. ``held``: nothing of it has been shown, and another attempt may take over.
``committed``: content may be, or has been, shown to the client. ``finished``: the answer is complete."""


class ResponsePipe(Protocol):
    """``stage``: of the current attempt. ``feed``, ``feed_whole`` and ``end_of_body`` raise ``RemoteError`` when the
    attempt has failed; what it brought before may still be taken."""

    @property
    def stage(self) -> Stage: ...

    ending: Ending
    """How much of the answer's end has come, of one that is not finished yet; ``end_of_body`` finishes it then."""

    heard: int
    """Events of this attempt that went on with its answer: neither pings nor what could not be read."""

    kept: int
    """Bytes that are in memory after ``take``, for what comes later. Before an answer is committed, or where it is put
    together for a client that does not stream, the bytes that it came in count too where they are more."""

    @property
    def skipped(self) -> int:
        """Events of this attempt that could not be read."""
        ...

    def prepare(self, target: AttemptTarget) -> PreparedRequest:
        """Begin an attempt: the request for this target. Forgets what the last attempt brought."""
        ...

    def accepted(self) -> None:
        """The upstream has taken the request: it answers."""
        ...

    def refused(self) -> None:
        """The upstream could not read the reasoning that went along."""
        ...

    def feed(self, data: bytes) -> Stage:
        """Bytes of an event stream; the stage after them."""
        ...

    def feed_whole(self, body: bytes) -> None:
        """A JSON body where an event stream was asked for: it is the whole answer."""
        ...

    def end_of_body(self) -> None:
        """The upstream's body ended cleanly; without a terminal event that is a failure."""
        ...

    def take(self) -> bytes:
        """What the client may have now; empty while it is held."""
        ...

    def whole(self) -> bytes:
        """The whole answer for a client that did not ask for a stream."""
        ...

    def summary(self) -> AnswerSummary:
        """Of a finished answer."""
        ...

    def release(self) -> None:
        """The answer has gone to the client, or nobody needs what came of it: keep none of it."""
        ...

    def keep_alive(self) -> bytes:
        """Bytes that the client counts as activity; they commit nothing."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The in-dialect last event of a stream that cannot go on."""
        ...


def as_remote(error: GatewayError) -> RemoteError:
    """The error of a stream as the upstream's failure, so that another target may help."""
    return error if isinstance(error, RemoteError) else RemoteError(ErrorKind.API, error.message, reason=error.reason)
