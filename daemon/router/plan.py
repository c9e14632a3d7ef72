"""The course of one request over the providers, as a generator: it yields what to do and is sent what came of it.

    steps = plan(router, request)
    step = next(steps)                Ask: ask this candidate        ◀ Answered | Failed
    step = steps.send(outcome)        Pause: so many seconds          ◀ Waited
                                      Acquire: a slot of any of them ◀ Acquired | Waited | QueueFull

It ends with StopIteration after an answer, and raises what the client gets where nobody can be asked. Whom to ask is
chosen anew before each attempt. Whoever drives it closes it where the client hangs up: that gives back what the
attempt holds (a slot, a probe).

A round is each candidate once. A further one is begun, up to ``rounds`` and after a wait of at most ``longest_wait``
seconds, where somebody's rest ends by then or nobody rests after what failed. What an upstream has refused for good
(a key, an account, a model) is not asked again, and begins no round.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError
from daemon.router.cooldowns import Resting
from daemon.router.exhausted import all_resting, final_error, full, owner_away
from daemon.router.fallback import helps_another_model
from daemon.router.ownership import MOST_SEARCHED, narrowed
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Candidate

AGAIN: Final = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED, ErrorKind.MAINTENANCE, ErrorKind.API})
"""What a later round may do better. Not a timeout: the client has waited long enough once."""

PROBED_WAIT: Final = 0.25
"""Seconds between two looks at a core auth that is being probed by another request."""


class Ask(Struct, frozen=True):
    candidate: Candidate


class Pause(Struct, frozen=True):
    seconds: float


class Acquire(Struct, frozen=True):
    """A slot of any of these, within ``seconds``."""

    auths: Sequence[CoreAuth]
    seconds: float


class Answered(Struct, frozen=True):
    """``first_event``: seconds from the attempt's begin."""

    first_event: float


class Failed(Struct, frozen=True):
    """``shown``: the client has seen a piece of the answer, so nobody else can go on with it. ``foreign``: it does not
    know a part of the request that is somebody else's, which is nobody's failure."""

    error: RemoteError
    shown: bool = False
    foreign: bool = False


class Acquired(Struct, frozen=True):
    auth_id: str


class Waited(Struct, frozen=True):
    """The time is over."""


class QueueFull(Struct, frozen=True):
    """Too many wait for each of them."""


Step = Ask | Pause | Acquire
Outcome = Answered | Failed | Acquired | Waited | QueueFull


def plan(router: Router, request: RoutedRequest) -> Generator[Step, Outcome, None]:
    course = _Course(router, request)
    request = course.request
    acquired = ""
    while True:
        candidate = course.next(acquired)
        if candidate is None:
            step = course.pause()
            outcome = yield step
            acquired = outcome.auth_id if isinstance(outcome, Acquired) else ""
            if isinstance(step, Acquire) and (isinstance(outcome, QueueFull) or not (acquired or course.may_wait)):
                raise full(step.auths, max(router.health.latency(auth.id) for auth in step.auths))
            if isinstance(step, Acquire) and not acquired:
                course.begin_round()  # somebody's rest has ended meanwhile
            continue
        for attempt in course.models(candidate):
            with course.attempt(attempt, has_slot=bool(acquired)):
                acquired = ""
                began = router.clock()
                outcome = yield Ask(attempt)
                match outcome:
                    case Answered(first_event=first_event):
                        router.succeeded(request, attempt, began=began, first_event=first_event)
                        return
                    case Failed(error=error, shown=shown, foreign=foreign):
                        if not foreign:
                            router.failed(request, attempt, error, began=began)
                        course.note(attempt, error, foreign=foreign)
                        if shown or course.is_over:
                            raise error
                    case _:
                        raise TypeError(f"an attempt ends with Answered or Failed, not {outcome!r}")
            if not helps_another_model(error):
                break


class _Course:
    """What has happened so far."""

    def __init__(self, router: Router, request: RoutedRequest) -> None:
        self._router = router
        self._whole = request
        self._request = self.request = narrowed(request)
        self._searched = 0
        self._asked: set[str] = set()  # core auth IDs, ever
        self._tried: set[str] = set()  # in this round
        self._given_up: set[str] = set()
        self._errors: list[RemoteError] = []
        self._rounds = 0
        self._waits_until = router.clock() + request.longest_wait
        self._last_chance = False
        self.is_over = False

    def next(self, acquired: str) -> Candidate | None:
        """Whom to ask now; with a slot at hand the one that it belongs to."""
        if acquired:
            return next(each for each in self._request.candidates if each.auth.id == acquired)
        return self._router.choose(self._request, self._tried | self._given_up)

    @property
    def may_wait(self) -> bool:
        """Whether there is time left to wait for a slot or somebody else's probe."""
        return self._router.clock() < self._waits_until

    def models(self, candidate: Candidate) -> Sequence[Candidate]:
        """The candidate and, of the same provider, the models that take its place when it fails."""
        auth = candidate.auth
        names = dict.fromkeys((candidate.model, *auth.fallback_models))
        return [candidate, *(Candidate(auth, name) for name in names if name != candidate.model)]

    @contextmanager
    def attempt(self, candidate: Candidate, *, has_slot: bool) -> Generator[None, None, None]:
        """One attempt; whatever ends it, its slot and its probe are given back."""
        auth_id = candidate.auth.id
        self._router.begin(self._request, candidate, again=auth_id in self._asked, has_slot=has_slot)
        self._asked.add(auth_id)
        self._tried.add(auth_id)
        try:
            yield
        finally:
            self._router.end(self._request, candidate)

    def note(self, candidate: Candidate, error: RemoteError, *, foreign: bool) -> None:
        """An attempt has failed."""
        self._errors.append(error)
        if error.kind not in AGAIN or error.should_retry is False:
            self._given_up.add(candidate.auth.id)
        self._searched += foreign
        stops = self._searched >= MOST_SEARCHED if foreign else error.failover is Failover.NEVER
        self.is_over = stops or self._last_chance
        self._last_chance = self._last_chance or error.failover is Failover.ONCE

    def pause(self) -> Step:
        """What to wait for, now that nobody may be asked; raises what the client gets where there is nothing."""
        router, request, now = self._router, self._request, self._router.clock()
        full_ones: list[CoreAuth] = []
        resting: list[tuple[Candidate, Resting]] = []
        again: list[Candidate] = []
        for candidate in request.candidates:
            auth_id = candidate.auth.id
            if auth_id in self._given_up:
                continue
            why = router.why_not(request, candidate)
            if isinstance(why, Resting):
                resting.append((candidate, why))
            elif auth_id in self._tried:
                again.append(candidate)
            else:
                full_ones.append(candidate.auth)
        if full_ones:
            ends = [why.rest.until for _, why in resting if why.rest.kind in AGAIN]
            return Acquire(full_ones, max(0.0, min((*ends, self._waits_until)) - now))
        if probed := [why for _, why in resting if why.half_open]:
            if self.may_wait:
                return Pause(min(PROBED_WAIT, self._waits_until - now))
            resting = [each for each in resting if each[1] not in probed]
        seconds = self._until_next_round(resting, again)
        if seconds is None:
            raise self._failure()
        self.begin_round()
        return Pause(seconds)

    def begin_round(self) -> None:
        """Everybody may be asked once more, if there is a round left."""
        if self._rounds < self._request.rounds:
            self._rounds += 1
            self._tried.clear()

    def _until_next_round(
        self, resting: Sequence[tuple[Candidate, Resting]], again: Sequence[Candidate]
    ) -> float | None:
        """Seconds, None: there is no further round."""
        now, longest = self._router.clock(), self._request.longest_wait
        if self._rounds >= self._request.rounds:
            return None
        ends = [why.rest.until - now for candidate, why in resting if why.rest.kind in AGAIN]
        if again:  # nothing rests after what they failed with (a stream that was cut): the pause grows all the same
            ends.append(0.0 if self._rounds == 0 else float(2 ** (self._rounds - 1)))
        soonest = min(ends, default=None)
        if soonest is None or soonest > longest:
            return None
        asked = [candidate.auth.id for candidate, _ in resting if candidate.auth.id in self._asked]
        asked += [candidate.auth.id for candidate in again]
        if len(asked) == len(resting) + len(again) and not any(
            self._router.budget.take(auth_id, now=now) for auth_id in asked
        ):
            return None
        return max(0.0, soonest)

    def _failure(self) -> GatewayError:
        """What the client gets."""
        request, router = self._request, self._router
        rests = [
            (candidate.auth, why)
            for candidate in request.candidates
            if isinstance(why := router.why_not(request, candidate), Resting)
        ]
        now = router.clock()
        failure: GatewayError
        if self._errors:
            failure = final_error(self._errors, rests, now=now)
        else:
            failure = all_resting(request.name, rests, now=now)
        return owner_away(self._whole, failure, rests, now=now)
