"""Many requests at once through the plan, on a clock that moves from one event to the next: no thread, no socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

from daemon.errors import ErrorKind, GatewayError
from daemon.router.plan import Acquire, Acquired, Answered, Ask, Failed, Outcome, Pause, QueueFull, Waited, plan
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate
from tests.router.conversation import error

WAY = 0.05
"""Seconds from the daemon to an upstream and back."""


class Traffic:
    """``clients`` that each ask again as soon as they are answered. Upstreams take ``seconds`` for an answer, and
    refuse at once what is beyond ``fits``, by name (others take all); they count an answer for ``lag`` seconds more
    than the daemon does."""

    def __init__(
        self,
        *candidates: Candidate,
        clients: int,
        seconds: float,
        fits: dict[str, int],
        random: Callable[[], float],
        lag: float = 0.0,
    ) -> None:
        self.now = 0.0
        self.router = Router(clock=lambda: self.now, wall=lambda: self.now, random=random)
        self.router.follow(each.auth for each in candidates)
        self.seconds = seconds
        self.fits = fits
        self.lag = lag
        self.asked: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.lost: Counter[ErrorKind] = Counter()
        self._candidates = candidates
        self._random = random
        self._open: Counter[str] = Counter()
        self._numbers = count(1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for client in range(clients):
            self._later(client * 0.001, lambda client=client: self._begin(client))  # type: ignore[misc]

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heappop(self._events)
            event()
        self.now = until

    def forget_counts(self) -> None:
        for table in (self.asked, self.refused, self.lost):
            table.clear()

    def _later(self, seconds: float, event: Callable[[], None]) -> None:
        heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def _begin(self, client: int) -> None:
        request = RoutedRequest(
            name="gpt-5", candidates=self._candidates, number=next(self._numbers), client=str(client)
        )
        steps = plan(self.router, request)
        self._go_on(client, steps, lambda: next(steps))

    def _go_on(self, client: int, steps: Any, move: Callable[[], object]) -> None:
        try:
            step = move()
        except StopIteration:
            self._later(0.0, lambda: self._begin(client))
            return
        except GatewayError as failure:
            self.lost[failure.kind] += 1
            self._later(1.0, lambda: self._begin(client))
            return

        def send(outcome: Outcome) -> None:
            self._go_on(client, steps, lambda: steps.send(outcome))

        match step:
            case Ask(candidate):
                self._later(WAY * self._random(), lambda: self._arrive(candidate.auth.name, send))
            case Pause(seconds):
                self._later(seconds, lambda: send(Waited()))
            case Acquire(auths, seconds):
                self._wait(str(client), [auth.id for auth in auths], seconds, send)

    def _arrive(self, name: str, send: Callable[[Outcome], None]) -> None:
        self.asked[name] += 1
        if self._open[name] >= self.fits.get(name, 10**9):
            self.refused[name] += 1
            self._later(WAY / 2, lambda: send(Failed(error(ErrorKind.RATE_LIMIT, 429))))
            return
        self._open[name] += 1

        def over() -> None:
            self._open[name] -= 1

        def answered() -> None:
            self._later(WAY / 2 + self.lag, over)
            self._later(WAY / 2, lambda: send(Answered(self.seconds)))

        self._later(self.seconds * (0.5 + self._random()), answered)

    def _wait(self, client: str, auth_ids: Sequence[str], seconds: float, send: Callable[[Outcome], None]) -> None:
        slots, over = self.router.slots, list[bool]()

        def end(outcome: Callable[[], Outcome]) -> None:
            if not over:
                over.append(True)
                send(outcome())

        def late() -> None:
            if not over:
                slots.leave(ticket)  # type: ignore[arg-type]
                end(Waited)

        ticket = slots.wait(client, auth_ids, lambda: self._later(0.0, lambda: end(lambda: Acquired(ticket.auth_id))))  # type: ignore[union-attr]
        if ticket is None:
            end(QueueFull)
        else:
            self._later(seconds, late)
