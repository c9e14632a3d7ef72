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
(a key, an account, a model) is not asked again, and begins no round. What failed for another reason than a limit is
asked again within the core auth's retry budget only.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
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
from daemon.telemetry.failure_cause import Reason

AGAIN: Final = frozenset(
    {ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.OVERLOADED, ErrorKind.MAINTENANCE, ErrorKind.API}
)
"""What a later round may do better, where the rest ends in time. Not a timeout: the client has waited long enough
once."""

PASSES: Final = AGAIN | {ErrorKind.TIMEOUT, ErrorKind.NOT_FOUND, ErrorKind.FIREWALL}
"""Rests whose end is worth a wait. What was refused for good (a key, a balance) is not."""

LASTING: Final = frozenset(
    {
        *(Reason.TLS, Reason.NOT_HTTP, Reason.REDIRECT, Reason.FORBIDDEN_ADDRESS, Reason.UNSENDABLE),
        Reason.INVALID_ANSWER,
    }
)
"""What somebody has to set right, so that a later round would find it as it is."""

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
        course.begin_turn(candidate, has_slot=candidate.auth.id == acquired)
        acquired = ""
        try:
            for attempt in course.models(candidate):
                running = course.begin(attempt)
                began = router.clock()
                outcome = yield Ask(attempt)
                match outcome:
                    case Answered(first_event=first_event):
                        router.succeeded(request, attempt, began=began, first_event=first_event)
                        return
                    case Failed(error=error, shown=shown, foreign=foreign):
                        no_room = not foreign and router.failed(
                            request, attempt, error, began=began, running=running, shown=shown
                        )
                        course.note(attempt, error, no_room=no_room, foreign=foreign)
                        if shown or course.is_over:
                            raise error
                    case _:
                        raise TypeError(f"an attempt ends with Answered or Failed, not {outcome!r}")
                if no_room or not helps_another_model(error):
                    break
        finally:
            router.end(request, candidate)


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
        self._limited: set[str] = set()  # whose last failure was a limit
        self._had_no_room: set[str] = set()
        self._errors: list[RemoteError] = []
        self._rounds = 0
        self._waits_until = router.clock() + request.longest_wait
        self._last_chance = False
        self.is_over = False

    def next(self, acquired: str) -> Candidate | None:
        """Whom to ask now; with a slot at hand the one that it belongs to, unless it has begun to rest meanwhile."""
        router, request = self._router, self._request
        if acquired:
            candidate = next(each for each in request.candidates if each.auth.id == acquired)
            if not isinstance(router.why_not(request, candidate), Resting):
                return candidate
            router.slots.release(acquired)
        spent = {each for each in self._asked if not self._may_repeat(each)}
        return router.choose(request, self._tried | self._given_up | spent)

    def begin_turn(self, candidate: Candidate, *, has_slot: bool) -> None:
        """The candidate's turn begins, for the first time or once more: with a slot, and at the cost of the budget."""
        auth_id, now = candidate.auth.id, self._router.clock()
        if not has_slot:
            self._router.slots.take(auth_id)
        if auth_id not in self._asked:
            self._router.budget.asked(auth_id, now=now)
        elif auth_id not in self._limited:
            self._router.budget.repeated(auth_id, now=now)
        self._asked.add(auth_id)

    def _may_repeat(self, auth_id: str) -> bool:
        return auth_id in self._limited or self._router.budget.allows(auth_id, now=self._router.clock())

    @property
    def may_wait(self) -> bool:
        """Whether there is time left to wait for a slot or somebody else's probe."""
        return self._router.clock() < self._waits_until

    def models(self, candidate: Candidate) -> Sequence[Candidate]:
        """The candidate and, of the same provider, the models that take its place when it fails."""
        auth = candidate.auth
        if not auth.fallback_models:
            return (candidate,)
        names = dict.fromkeys((candidate.model, *auth.fallback_models))
        return [candidate, *(Candidate(auth, name) for name in names if name != candidate.model)]

    def begin(self, candidate: Candidate) -> int:
        """An attempt begins; how many are under way with it."""
        running = self._router.begin(self._request, candidate)
        auth_id = candidate.auth.id
        self._tried.add(auth_id)
        return running

    def note(self, candidate: Candidate, error: RemoteError, *, no_room: bool, foreign: bool) -> None:
        """An attempt has failed; ``no_room``: it may be asked again as soon as it has room. ``foreign``: what it was
        sent is another's."""
        self._errors.append(error)
        auth_id = candidate.auth.id
        if error.kind is ErrorKind.RATE_LIMIT:
            self._limited.add(auth_id)
        else:
            self._limited.discard(auth_id)
        if no_room:
            self._had_no_room.add(auth_id)
            return
        if error.kind not in AGAIN or error.should_retry is False or error.reason in LASTING:
            self._given_up.add(auth_id)
        self._searched += foreign
        stops = self._searched >= MOST_SEARCHED if foreign else error.failover is Failover.NEVER
        self.is_over = stops or self._last_chance
        self._last_chance = self._last_chance or error.failover is Failover.ONCE

    def pause(self) -> Step:
        """What to wait for, now that nobody may be asked; raises what the client gets where there is nothing."""
        router, request, now = self._router, self._request, self._router.clock()
        if self._had_no_room and self.may_wait:  # no round: each such refusal makes the limit smaller, until all fit
            self._tried -= self._had_no_room
            self._had_no_room.clear()
            return Pause(0.0)
        full_ones: list[CoreAuth] = []
        resting: list[tuple[Candidate, Resting]] = []
        again: list[Candidate] = []
        for candidate in request.candidates:
            auth_id = candidate.auth.id
            if auth_id in self._given_up or (auth_id in self._asked and not self._may_repeat(auth_id)):
                continue
            why = router.why_not(request, candidate)
            if isinstance(why, Resting):
                resting.append((candidate, why))
            elif auth_id in self._tried:
                again.append(candidate)
            else:
                full_ones.append(candidate.auth)
        if full_ones:
            ends = [why.rest.until for _, why in resting if why.rest.kind in PASSES]
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
        """Everybody may be asked once more, if there is a round left. A wait before anybody was asked begins none."""
        if self._tried and self._rounds < self._request.rounds:
            self._rounds += 1
            self._tried.clear()

    def _until_next_round(
        self, resting: Sequence[tuple[Candidate, Resting]], again: Sequence[Candidate]
    ) -> float | None:
        """Seconds, None: there is no further round."""
        now, longest = self._router.clock(), self._request.longest_wait
        if self._rounds >= self._request.rounds:
            return None
        ends = [why.rest.until - now for _, why in resting if why.rest.kind in PASSES]
        if again:  # nothing rests after what they failed with (a stream that was cut): the pause grows all the same
            ends.append(0.0 if self._rounds == 0 else float(2 ** (self._rounds - 1)))
        if not self._tried:
            longest = min(longest, self._waits_until - now)
        soonest = min(ends, default=None)
        return None if soonest is None or soonest > longest else max(0.0, soonest)

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
            all_rest = len(rests) == len(request.candidates)
            failure = final_error(request.name, self._errors, rests, now=now, all_rest=all_rest)
        else:
            failure = all_resting(request.name, rests, now=now)
        return owner_away(self._whole, failure, rests, now=now)
