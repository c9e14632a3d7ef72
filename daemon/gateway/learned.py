"""Which amendments each core auth's upstream needs, as its refusals have shown: live state, not kept over a restart.

1. An entry is made only after the amended request got a 2xx, so that a refusal alone teaches nothing.
2. It holds for one core auth, one model and one condition, under the profile that the core auth had then.
   A changed URL or key is another core auth.
3. An entry that loses content (tools, images, reasoning) is in force from the second request that needed it.
4. At most ``MOST_PER_AUTH`` per core auth and ``MOST`` in all, the least recently used out first, and none
   for longer than ``LIFETIME``: names of parameters come from clients, and upstreams change.

``RequestAmendments`` is the one reader and writer of it: it amends a request until the upstream takes it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Final

from msgspec import Struct

from daemon.errors import RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.compaction import with_next_way
from daemon.gateway.response_pipe import AttemptTarget, PreparedRequest, ResponsePipe
from daemon.inference.request import Request
from daemon.snapshot.listings import Candidate
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.amendments.apply import configured
from daemon.upstream.amendments.parameters import REASONING
from daemon.upstream.amendments.refusals import proposals
from daemon.upstream.amendments.rule import MOST_AMENDMENTS, Amendment, Condition, Proposal
from daemon.upstream.amendments.table import loses_content

MOST_PER_AUTH: Final = 64
MOST: Final = 4096
LIFETIME: Final = 24 * 3600.0
"""Seconds."""
LONGEST_ARGUMENT: Final = 256
"""Characters: upstreams word it, and may repeat what clients call their fields. A longer one holds for one request."""
IN_FORCE_AFTER: Final = 2
"""Requests that must have needed an amendment which loses content."""


class Key(Struct, frozen=True):
    auth_id: str
    model: str
    condition: Condition
    amendment: Amendment


class Learned(Struct):
    """``until``: clock seconds. ``requests``: how many have needed it, the one with the digest ``first`` and others:
    a client that repeats its request has not shown anything new."""

    profile: str
    until: float
    first: int
    requests: int = 1


class LearnedAmendment(Struct, frozen=True, kw_only=True):
    """An entry as it is shown. ``expires_in`` in seconds."""

    amendment: Amendment
    model: str
    condition: Condition
    expires_in: float
    in_force: bool


class LearnedAmendments:
    """One for the daemon's life. ``clock`` gives seconds that only rise."""

    __slots__ = ("_by_auth", "_clock", "_entries")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[Key, Learned] = OrderedDict()  # the least recently used first
        self._by_auth: dict[str, OrderedDict[Key, Learned]] = {}  # the same entries

    def of(self, candidate: Candidate, met: frozenset[Condition]) -> tuple[Amendment, ...]:
        """What to apply from the start for a request that meets the conditions ``met``, to this candidate."""
        known = self._by_auth.get(candidate.auth.id)
        if not known:
            return ()
        now = self._clock()
        amendments = []
        for key, entry in tuple(known.items()):
            if entry.until <= now or entry.profile != candidate.auth.profile:
                self._drop(key)
            elif key.model == candidate.model and key.condition in met and _in_force(key, entry):
                self._touch(key)
                amendments.append(key.amendment)
        return tuple(amendments)

    def remember(self, candidate: Candidate, proposals: Iterable[Proposal], request: int) -> None:
        """``proposals`` have helped: with them the request with the digest ``request`` got a 2xx of ``candidate``."""
        auth = candidate.auth
        for proposal in proposals:
            if proposal.lasting and len(proposal.amendment.argument) <= LONGEST_ARGUMENT:
                self._put(Key(auth.id, candidate.model, proposal.condition, proposal.amendment), auth.profile, request)

    def view(self, auth_id: str) -> Sequence[LearnedAmendment]:
        """What is known of one core auth, the least recently used first."""
        now = self._clock()
        return [
            LearnedAmendment(
                amendment=key.amendment,
                model=key.model,
                condition=key.condition,
                expires_in=entry.until - now,
                in_force=_in_force(key, entry),
            )
            for key, entry in self._by_auth.get(auth_id, {}).items()
            if entry.until > now
        ]

    def counts(self, auth_id: str) -> Mapping[str, int]:
        """How many are known of one core auth, by the name of the amendment."""
        known = self._by_auth.get(auth_id)
        return Counter(key.amendment.name for key in known) if known else {}

    def clear(self, auth_id: str) -> int:
        """Forgets all of one core auth; how many there were."""
        known = tuple(self._by_auth.get(auth_id, ()))
        for key in known:
            self._drop(key)
        return len(known)

    def keep_only(self, auth_ids: Iterable[str]) -> None:
        """Forgets every core auth that is not among ``auth_ids``."""
        for gone in self._by_auth.keys() - set(auth_ids):
            self.clear(gone)

    def __len__(self) -> int:
        return len(self._entries)

    def _put(self, key: Key, profile: str, request: int) -> None:
        now = self._clock()
        entry = self._entries.get(key)
        if entry is not None and entry.until > now and entry.profile == profile:
            entry.requests += entry.first != request
            entry.until = now + LIFETIME
            self._touch(key)
            return
        entry = self._entries[key] = Learned(profile, now + LIFETIME, request)
        known = self._by_auth.setdefault(key.auth_id, OrderedDict())
        known[key] = entry
        self._touch(key)
        if len(known) > MOST_PER_AUTH:
            self._drop(next(iter(known)))
        if len(self._entries) > MOST:
            self._drop(next(iter(self._entries)))

    def _touch(self, key: Key) -> None:
        self._entries.move_to_end(key)
        self._by_auth[key.auth_id].move_to_end(key)

    def _drop(self, key: Key) -> None:
        del self._entries[key]
        known = self._by_auth[key.auth_id]
        del known[key]
        if not known:
            del self._by_auth[key.auth_id]


def _in_force(key: Key, entry: Learned) -> bool:
    return entry.requests >= IN_FORCE_AFTER or not loses_content(key.amendment)


def met_by(request: Request) -> frozenset[Condition]:
    """The conditions that ``request`` meets. Thinking is what models do unless they are asked not to."""
    met: list[Condition] = [""]
    if request.tools:
        met.append("tools")
    if request.temperature is not None:
        met.append("temperature")
    if request.reasoning.enabled is not False and request.reasoning.effort != "none":
        met.append("thinking")
    return frozenset(met)


Sent = tuple[str, int, int]
"""(core auth ID, digest of a body, digest of the headers)."""


class RequestAmendments:
    """How one request is amended: what its upstreams have refused of it, and what they are asked with next.

    What was refused, body and headers, is never sent to the same core auth again in the same request; after
    ``MOST_AMENDMENTS`` changes the refusal is the answer. What helped is remembered once the answer has begun.
    """

    __slots__ = ("_client_request", "_helpful", "_learned", "_left", "_refused")

    def __init__(self, client_request: ClientRequest, learned: LearnedAmendments) -> None:
        self._client_request = client_request
        self._learned = learned
        self._left = MOST_AMENDMENTS
        self._refused: set[Sent] = set()
        self._helpful: list[Proposal] = []  # those of the candidate that is asked now

    def first(self, candidate: Candidate, adapter: Adapter, effort: str | None) -> AttemptTarget:
        """The request as this candidate is asked at first, amended by its settings and by earlier refusals."""
        self._helpful = []
        learned = self._learned.of(candidate, met_by(self._client_request.request))
        amendments = (*configured(adapter.auth), *learned)
        return AttemptTarget(candidate=candidate, adapter=adapter, effort=effort, amendments=amendments)

    def next(
        self, target: AttemptTarget, refused: PreparedRequest, error: RemoteError, pipe: ResponsePipe
    ) -> tuple[AttemptTarget, PreparedRequest] | None:
        """The request as this upstream may take it after ``error``; None where nothing is left to change."""
        self._refused.add(self._digest(target, refused))
        if not self._left:
            return None
        client = self._client_request
        shorter = client.wire.reword_context_length is None
        found = proposals(error, target.adapter.wire.name, target.amendments, client.says, shorter=shorter)
        if client.request.compaction:
            found = with_next_way(found, error, client, target)
        for proposal in found:
            if proposal.amendment.name == REASONING:
                pipe.refused()
            amended = target.amended(proposal.amendment)
            prepared = pipe.prepare(amended)
            if self._digest(amended, prepared) not in self._refused:
                self._left -= 1
                self._helpful.append(proposal)
                return amended, prepared
        return None

    def _digest(self, target: AttemptTarget, prepared: PreparedRequest) -> Sent:
        """What this upstream is asked with, less what its transport adds."""
        client, adapter = self._client_request, target.adapter
        same_wire = client.wire is adapter.wire
        headers = adapter.headers(client.headers, same_wire=same_wire, amendments=target.amendments)
        return target.candidate.auth.id, hash(prepared.body), hash(frozenset(headers.items()))

    def accepted(self, candidate: Candidate) -> None:
        """The amended request got a 2xx."""
        if self._helpful:
            self._learned.remember(candidate, self._helpful, hash(self._client_request.body))
            self._helpful = []
