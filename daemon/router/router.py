"""What the router knows, and whom it would ask now: the tables beside each other, and one question to all of them.

``plan`` asks it before each attempt and reports to it what came of the last one. It is live state, keyed by core auth
ID, and survives each reload that keeps the ID.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from random import random
from typing import Literal

from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.router.affinity import Affinity
from daemon.router.concurrency import Concurrency
from daemon.router.cooldowns import Cooldowns, Rest, Resting, RestKey
from daemon.router.health import Health
from daemon.router.rest_rules import hinted_seconds
from daemon.router.retry_budget import RetryBudget
from daemon.router.selection import STRATEGIES, Choice, Measures, Turns, tiers
from daemon.router.slots import Slots
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Candidate

SATURATED_HINT = 2.0
"""Seconds: an upstream that is full says to come back at once, one whose limit is used up names a time."""


class RoutedRequest(Struct, frozen=True, kw_only=True):
    """What matters of a request. ``name`` is the model's public name without an effort suffix; ``session`` '' where
    there is none; ``owner`` the core auth ID that made what only it can read, '' where that is not known; ``needs`` the
    name of such a part that cannot be left out, '' where all can (``ownership``); ``wire`` the client's. ``family`` of
    the client (``codex``, ``claude-code`` …); ``client`` by whom turns are taken in a queue; ``number`` one of its own.
    ``rounds`` further ones after the first, ``longest_wait`` in seconds."""

    name: str
    candidates: Sequence[Candidate]
    number: int
    session: bytes = b""
    owner: str = ""
    needs: str = ""
    wire: str = ""
    family: str = ""
    client: str = ""
    strategy: str = "round-robin"
    rounds: int = 3
    longest_wait: float = 30.0


class Router:
    """One for the daemon's life, on one thread. ``clock`` is seconds that only rise, ``wall`` Unix time. ``on_rest``
    and ``on_return`` are called when a core auth leaves service, for one model or whole, and when it is back."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        random: Callable[[], float] = random,
        headroom: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.random = random
        self.turns = Turns()
        self.cooldowns = Cooldowns()
        self.affinity = Affinity()
        self.health = Health()
        self.concurrency = Concurrency()
        self.budget = RetryBudget()
        self.on_rest: Callable[[RoutedRequest, Candidate, Resting], None] = lambda *_: None
        self.on_return: Callable[[RoutedRequest, Candidate], None] = lambda *_: None
        self._configured: dict[str, int] = {}  # max-concurrent of the snapshot's core auths that have one
        self.slots = Slots(lambda auth_id: self.concurrency.limit(auth_id, self._configured.get(auth_id, 0)))
        self.measures = Measures(self.slots.running, self.health.latency, headroom)

    def choose(self, request: RoutedRequest, tried: Collection[str]) -> Candidate | None:
        """Whom to ask now, among those whose core auth ID is not in ``tried``; None: nobody may be asked (``why_not``
        says why)."""

        def may(candidate: Candidate) -> bool:
            return candidate.auth.id not in tried and (all_ready or self.why_not(request, candidate) is None)

        all_ready = not self.cooldowns and not self._configured and not self.concurrency
        owner = next((each for each in request.candidates if each.auth.id == request.owner), None)
        if owner is not None and may(owner):
            return owner
        strategy = STRATEGIES[request.strategy]
        known = self.affinity.of(request.session, now=self.clock()) if request.session else ()
        for tier in tiers(request.candidates):
            chosen = self._known(known, tier, may) if known else None
            if chosen is None:
                chosen = strategy(Choice(request.name, tier, may, self.turns, self.measures, self.random))
            if chosen is not None:
                return chosen
        return None

    def why_not(self, request: RoutedRequest, candidate: Candidate) -> Resting | Literal["full"] | None:
        """Why a candidate may not be asked now."""
        auth = candidate.auth
        resting = self.cooldowns.resting(auth.id, candidate.model, request.family, now=self.clock())
        if resting is not None:
            return resting
        return None if self.slots.is_free(auth.id) else "full"

    def in_service(self, request: RoutedRequest) -> list[Candidate]:
        """The candidates that do not rest, busy ones among them."""
        now = self.clock()
        return [
            each
            for each in request.candidates
            if self.cooldowns.resting(each.auth.id, each.model, request.family, now=now) is None
        ]

    def begin(self, request: RoutedRequest, candidate: Candidate, *, again: bool, has_slot: bool) -> None:
        """An attempt begins; ``again``: this request has asked the core auth before."""
        auth_id, now = candidate.auth.id, self.clock()
        if not has_slot:
            self.slots.take(auth_id)
        if not again:
            self.budget.asked(auth_id, now=now)
        self.cooldowns.take_probe(auth_id, candidate.model, request.family, request.number, now=now)

    def succeeded(self, request: RoutedRequest, candidate: Candidate, *, began: float, first_event: float) -> None:
        """An attempt has been answered, its first event after so many seconds."""
        auth_id, now = candidate.auth.id, self.clock()
        health = self.health.of(auth_id)
        health.succeeded += 1
        health.first_event(first_event, now)
        self.concurrency.answered(auth_id, self.slots.running(auth_id), now)
        self.affinity.answered(request.session, auth_id, now=now)
        if self.cooldowns.succeeded(auth_id, candidate.model, request.family, began=began):
            self.on_return(request, candidate)

    def failed(self, request: RoutedRequest, candidate: Candidate, error: RemoteError, *, began: float) -> None:
        """An attempt has failed."""
        auth, now = candidate.auth, self.clock()
        self.health.of(auth.id).failed += 1
        self.affinity.left(request.session, auth.id)
        running = self.slots.running(auth.id)
        if self._saturated(error, running):
            self.concurrency.refused(auth.id, running, now)
            if error.kind is ErrorKind.RATE_LIMIT:
                return  # it is full, and not out of service: the next free slot will do
        if auth.disable_cooling:
            return
        resting = self.cooldowns.failed(
            auth.id,
            candidate.model,
            request.family,
            error,
            began=began,
            now=now,
            wall=self.wall(),
            random=self.random(),
        )
        if resting is not None:
            self.on_rest(request, candidate, resting)

    def end(self, request: RoutedRequest, candidate: Candidate) -> None:
        """After the attempt, however it ended."""
        self.cooldowns.drop_probe(candidate.auth.id, request.number)
        self.slots.release(candidate.auth.id)

    def clear(self, auth_id: str) -> int:
        """On demand: it may be asked at once; how many rests there were."""
        rests = len(self.rests(auth_id))
        self.cooldowns.clear(auth_id)
        return rests

    def rests(self, auth_id: str) -> list[tuple[RestKey, Rest]]:
        """What of this core auth rests now, or is being tried again: the whole of it first, then the longest."""
        return self.cooldowns.of(auth_id, now=self.clock())

    def wall_time(self, moment: float) -> float:
        """Unix time of a moment of the clock."""
        return self.wall() + moment - self.clock()

    def follow(self, auths: Iterable[CoreAuth]) -> None:
        """The core auths of a new snapshot: what is known of others is forgotten, and their limits may be new."""
        limits = {auth.id: auth.max_concurrent for auth in auths}
        self._configured = {auth_id: limit for auth_id, limit in limits.items() if limit}
        for table in (self.cooldowns, self.affinity, self.health, self.concurrency, self.budget, self.turns):
            table.keep_only(limits)
        self.slots.follow_limits()

    def _known(
        self, known: Sequence[str], tier: Sequence[Candidate], may: Callable[[Candidate], bool]
    ) -> Candidate | None:
        """Who has answered the session, among a tier: priorities come first, as the user has set them."""
        ids = [candidate.auth.id for candidate in tier]
        for auth_id in known:
            if auth_id in ids and may(candidate := tier[ids.index(auth_id)]):
                if not self.health.is_slow(auth_id, ids):
                    return candidate
        return None

    def _saturated(self, error: RemoteError, running: int) -> bool:
        """Whether the refusal shows how many requests fit, and not that a limit is used up."""
        if running < 2 or error.kind not in (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED):
            return False
        if error.upstream_status not in (429, 503):
            return False
        hint = hinted_seconds(error, self.wall())
        return hint is None or hint <= SATURATED_HINT
