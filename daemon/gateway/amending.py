"""How one request is amended: what its upstreams have refused of it, and what it is asked with next.

A body whose content was refused is never sent to the same core auth again in the same request; after
``MOST_AMENDMENTS`` changes the refusal is the answer. What helped is remembered once the answer has begun.
"""

from __future__ import annotations

from daemon.errors import RemoteError
from daemon.gateway.amendments import MOST_AMENDMENTS, REASONING, Proposal, configured, proposals
from daemon.gateway.inbound import Inbound
from daemon.gateway.learned import LearnedAmendments
from daemon.gateway.relay import Relay, Target
from daemon.snapshot.models import Candidate
from daemon.wires.base import UpstreamBody


class Amending:
    """Of one request."""

    __slots__ = ("_helpful", "_inbound", "_learned", "_left", "_refused")

    def __init__(self, inbound: Inbound, learned: LearnedAmendments) -> None:
        self._inbound = inbound
        self._learned = learned
        self._left = MOST_AMENDMENTS
        self._refused: set[tuple[str, int]] = set()  # (core auth ID, digest of a body)
        self._helpful: list[Proposal] = []  # those of the candidate that is asked now

    def first(self, candidate: Candidate, effort: str | None) -> Target:
        """The request as this candidate is asked at first, amended by its settings and by earlier refusals."""
        self._helpful = []
        learned = self._learned.of(candidate, tools=bool(self._inbound.request.tools))
        return Target(candidate=candidate, effort=effort, amendments=(*configured(candidate.auth), *learned))

    def next(
        self, target: Target, refused: UpstreamBody, error: RemoteError, relay: Relay
    ) -> tuple[Target, UpstreamBody] | None:
        """The request as this upstream may take it after ``error``; None where nothing is left to change."""
        auth = target.candidate.auth
        self._refused.add((auth.id, hash(refused.body)))
        if not self._left:
            return None
        for proposal in proposals(error, auth.wire, target.amendments, self._inbound.says):
            if proposal.amendment.name == REASONING:
                relay.refused()
            amended = target.amended(proposal.amendment)
            body = relay.prepare(amended)
            if (auth.id, hash(body.body)) not in self._refused:
                self._left -= 1
                self._helpful.append(proposal)
                return amended, body
        return None

    def accepted(self, candidate: Candidate) -> None:
        """The amended request got a 2xx."""
        if self._helpful:
            self._learned.remember(candidate, self._helpful, hash(self._inbound.body))
            self._helpful = []
