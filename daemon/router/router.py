"""What the router knows, and whom it would ask now: the tables beside each other, and one question to all of them.

``plan`` asks it before each attempt and reports to it what came of the last one. It is live state, keyed by core auth
ID, and survives each reload that keeps the ID.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from random import random
from typing import Literal

from msgspec import Struct, structs

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.router.affinity import Affinity
from daemon.router.concurrency import Concurrency
from daemon.router.cooldowns import Cooldowns, Rest, Resting, RestKey
from daemon.router.headroom import Headroom
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
    there is none, ``sticky`` whether it prefers who has answered it; ``owner`` the core auth ID that made what only it
    can read, '' where that is not known; ``needs`` the name of such a part that cannot be left out, '' where all can
    (``ownership``); ``wire`` the client's. ``family`` of the client (``codex``, ``claude-code`` …); ``client`` by whom
    turns are taken in a queue; ``number`` one of its own. ``rounds`` further ones after the first, ``longest_wait`` in
    seconds."""

    name: str
    candidates: Sequence[Candidate]
    number: int
    session: bytes = b""
    sticky: bool = True
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
        self._auths: dict[str, CoreAuth] = {}  # of the snapshot, by ID
        self._configured: dict[str, int] = {}  # max-concurrent of the snapshot's core auths that have one
        self.slots = Slots(self.limit)
        self.headroom = Headroom()
        self.measures = Measures(self.slots.running, self.health.latency, self.headroom_left)

    def choose(self, request: RoutedRequest, tried: Collection[str]) -> Candidate | None:
        """Whom to ask now, among those whose core auth ID is not in ``tried``; None: nobody may be asked (``why_not``
        says why)."""
        avoided = self.affinity.avoided(request.session, now=self.clock()) if request.session else ()
        if avoided and (chosen := self._choose(request, {*tried, *avoided})) is not None:
            return chosen
        return self._choose(request, tried)

    def _choose(self, request: RoutedRequest, tried: Collection[str]) -> Candidate | None:
        now, resting, is_resting = self.clock(), bool(self.cooldowns), self.cooldowns.is_resting
        configured, learned = self._configured, self.concurrency if self.concurrency else ()

        def may(candidate: Candidate) -> bool:
            auth = candidate.auth
            auth_id = auth.id
            if auth_id in tried:
                return False
            if resting and not auth.disable_cooling and is_resting(auth_id, candidate.model, request.family, now=now):
                return False
            return (auth_id not in configured and auth_id not in learned) or self.slots.is_free(auth_id)

        owner = _with_id(request.candidates, request.owner) if request.owner else None
        if owner is not None and may(owner):
            return owner
        known = self.affinity.of(request.session, now=now) if request.sticky and request.session else ()
        strategy, all_may = STRATEGIES[request.strategy], not (tried or resting or configured or learned)
        for tier in tiers(request.candidates):
            chosen = self._known(request, known, tier, may, now) if known else None
            if chosen is None:
                chosen = strategy(Choice(request.name, tier, may, self.turns, self.measures, self.random, all_may))
            if chosen is not None:
                return chosen
        return None

    def why_not(self, request: RoutedRequest, candidate: Candidate) -> Resting | Literal["full"] | None:
        """Why a candidate may not be asked now."""
        auth = candidate.auth
        if not auth.disable_cooling:
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
            if not self.cooldowns.is_resting(each.auth.id, each.model, request.family, now=now)
        ]

    def begin(self, request: RoutedRequest, candidate: Candidate) -> int:
        """An attempt begins; how many are under way with its core auth, itself included."""
        auth_id, now = candidate.auth.id, self.clock()
        self.cooldowns.take_probe(auth_id, candidate.model, request.family, request.number, now=now)
        return self.slots.running(auth_id)

    def heard(self, auth_id: str, headers: Mapping[str, str]) -> None:
        """The head of an answer has come, whatever its status; it may say what is left of the limits."""
        self.headroom.heard(auth_id, headers, now=self.clock(), wall=self.wall())

    def headroom_left(self, auth_id: str) -> float | None:
        """The part of its limits that a core auth has left, 0 to 1; None where it does not say."""
        return self.headroom.left(auth_id, now=self.clock())

    def limit(self, auth_id: str) -> float:
        """How many requests it takes at once, as configured or learned; infinite where there is no limit."""
        configured = self._configured.get(auth_id, 0)
        return self.concurrency.limit(auth_id, configured, self.clock()) if self.concurrency else configured or inf

    def succeeded(self, request: RoutedRequest, candidate: Candidate, *, began: float, first_event: float) -> None:
        """An attempt has been answered, its first event after so many seconds."""
        auth_id, now = candidate.auth.id, self.clock()
        health = self.health.of(auth_id)
        health.succeeded += 1
        health.first_event(first_event, now)
        self.concurrency.answered(auth_id, self.slots.running(auth_id), now)
        if request.sticky:
            self.affinity.answered(request.session, auth_id, began=began, now=now)
        if self.cooldowns.succeeded(auth_id, candidate.model, request.family, began=began):
            self.on_return(request, candidate)

    def failed(
        self,
        request: RoutedRequest,
        candidate: Candidate,
        error: RemoteError,
        *,
        began: float,
        running: int,
        shown: bool = False,
    ) -> bool:
        """An attempt has failed; whether that shows only that there is no room for it now. ``running`` were under way
        when it began, itself included; ``shown``: the client has seen a piece of its answer."""
        auth, now = candidate.auth, self.clock()
        if error.scope is Scope.REQUEST:
            return False  # the upstream did its part: it neither rests nor loses the session
        self.health.of(auth.id).failed += 1
        self.affinity.left(request.session, auth.id)
        if shown:
            self.affinity.broke_off(request.session, auth.id, now=now)
        # The others may have ended meanwhile, or may have come later and been counted first.
        running = max(running, self.slots.running(auth.id))
        if self._saturated(error, running):
            self.concurrency.refused(auth.id, running, now)
            if error.kind is ErrorKind.RATE_LIMIT:
                return True  # it is full, and not out of service: the next free slot will do
        elif error.kind is ErrorKind.RATE_LIMIT and running < 2:
            self.concurrency.forget(auth.id)
        if auth.disable_cooling:
            return False
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
        return False

    def end(self, request: RoutedRequest, candidate: Candidate) -> None:
        """After the attempt, however it ended."""
        self.cooldowns.drop_probe(candidate.auth.id, request.number)
        self.slots.release(candidate.auth.id)

    def key_refused(self, auth: CoreAuth) -> Resting | None:
        """A free question has shown that the upstream refuses the key; the rest that follows, None where none does."""
        return None if auth.disable_cooling else self.cooldowns.key_refused(auth.id, now=self.clock())

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
        """The core auths of a new snapshot: what is known of others is forgotten, their limits may be new, and one that
        has changed may do now what it refused before, as one with ``disable-cooling`` may at once."""
        before, self._auths = self._auths, {auth.id: auth for auth in auths}
        for auth_id, auth in self._auths.items():
            known = before.get(auth_id)
            if auth.disable_cooling or (known is not None and _may_do_more(known, auth)):
                self.cooldowns.clear(auth_id)
        limits = {auth_id: auth.max_concurrent for auth_id, auth in self._auths.items()}
        self._configured = {auth_id: limit for auth_id, limit in limits.items() if limit}
        tables = (self.cooldowns, self.affinity, self.health, self.headroom, self.concurrency, self.budget, self.turns)
        for table in tables:
            table.keep_only(limits)
        self.slots.follow_limits()

    def _known(
        self,
        request: RoutedRequest,
        known: Sequence[str],
        tier: Sequence[Candidate],
        may: Callable[[Candidate], bool],
        now: float,
    ) -> Candidate | None:
        """Who has answered the session, among a tier: priorities come first, as the user has set them."""
        for auth_id in known:
            candidate = _with_id(tier, auth_id)
            if candidate is not None and may(candidate) and not self._is_slow(request, candidate, tier, now):
                return candidate
        return None

    def _is_slow(self, request: RoutedRequest, candidate: Candidate, tier: Sequence[Candidate], now: float) -> bool:
        """Whether it loses its sessions to the others of its tier."""
        auth = candidate.auth
        if auth.disable_cooling:
            return False
        return self.health.is_slow(auth.id, request.name, (each.auth.id for each in tier), now=now)

    def _saturated(self, error: RemoteError, running: int) -> bool:
        """Whether the refusal shows how many requests fit, and not that a limit is used up."""
        if running < 2 or error.kind not in (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED):
            return False
        if error.upstream_status not in (429, 503):
            return False
        hint = hinted_seconds(error, self.wall())
        return hint is None or hint <= SATURATED_HINT


def _with_id(candidates: Sequence[Candidate], auth_id: str) -> Candidate | None:
    for candidate in candidates:
        if candidate.auth.id == auth_id:
            return candidate
    return None


def _may_do_more(before: CoreAuth, now: CoreAuth) -> bool:
    """Whether it is asked in another way than before (other headers, models, a proxy), and not only more or less
    often."""
    if before is now:
        return False
    use = {name: getattr(now, name) for name in ("priority", "weight", "max_concurrent", "disable_cooling")}
    return structs.replace(before, **use) != now
