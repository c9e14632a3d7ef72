"""The router's decision: choosing a provider, and noting what came of it, compared with a whole plain answer.

The decision is all that the router does for a request that is answered at once: choose, begin, succeeded, end, driven
by the plan. It is measured without a loop and without sockets, with 100 candidates; the answer is the daemon's
processor time for one, asked over real sockets in the same run.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from types import FrameType
from typing import Any, Final

from msgspec import Struct

from bench.table import figure, table
from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.router.plan import Answered, plan
from daemon.router.router import RoutedRequest, Router
from daemon.router.selection import STRATEGIES
from tests.dialects import MESSAGES
from tests.harness import Daemon, config, daemon, provider, simulator
from tests.router.auths import candidate

CANDIDATES: Final = 100
REPEATS: Final = 7
ANSWERS: Final = 500
LIMIT: Final = 0.05
"""Of a plain answer's processor time: the most that the decision may take."""


class Situation(Struct, frozen=True):
    """``resting`` and ``limited`` of the candidates rest, or have ``max-concurrent``."""

    name: str
    resting: int = 0
    limited: int = 0
    sessions: bool = False


SITUATIONS: Final = (
    Situation("all ready"),
    Situation("sessions", sessions=True),
    Situation("one rests", resting=1),
    Situation("half rest", resting=CANDIDATES // 2),
    Situation("half have max-concurrent", limited=CANDIDATES // 2),
)


def run() -> int:
    """Prints the table; gives how many rows miss ``LIMIT``."""
    answer = answer_seconds()
    rows, missed = [], 0
    for situation in SITUATIONS:
        for strategy in STRATEGIES:
            decide = decision(strategy, situation)
            seconds = best(decide)
            share = seconds / answer
            missed += share > LIMIT
            verdict = "ok" if share <= LIMIT else "MISSED"
            rows.append(
                (situation.name, strategy, figure(seconds * 1e6), str(python_calls(decide)), f"{share:.1%}", verdict)
            )
    print(f"\n### the router's decision: {CANDIDATES} candidates, a plain answer takes {answer * 1e6:.0f} us")
    print(table(("situation", "strategy", "us", "Python calls", "of an answer", ""), rows))
    return missed


def decision(strategy: str, situation: Situation) -> Callable[[], None]:
    """One request after the other, each answered at once."""
    limits = [8 if number < situation.limited else 0 for number in range(CANDIDATES)]
    candidates = tuple(
        candidate(f"p{number}", max_concurrent=most, weight=1 + number % 3) for number, most in enumerate(limits)
    )
    router = Router(clock=time.monotonic, wall=time.time, random=random.random)
    router.follow(each.auth for each in candidates)
    refused = RemoteError(ErrorKind.AUTHENTICATION, "no", scope=Scope.PROVIDER, upstream_status=401)
    now = router.clock()
    for each in candidates[: situation.resting]:
        router.cooldowns.failed(each.auth.id, each.model, "", refused, began=now, now=now, wall=0.0)
    sessions = cycle([b"%d" % number if situation.sessions else b"" for number in range(1000)])
    numbers = count(1)

    def decide() -> None:
        request = RoutedRequest(
            name="gpt-5", candidates=candidates, number=next(numbers), session=next(sessions), strategy=strategy
        )
        steps = plan(router, request)
        next(steps)
        try:
            steps.send(Answered(0.1))
        except StopIteration:
            return

    for _ in range(3000):
        decide()
    return decide


def best(function: Callable[[], None]) -> float:
    """Seconds of processor time."""
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(200):
            function()
        times.append((time.process_time() - began) / 200)
    return min(times)


def python_calls(function: Callable[[], None]) -> int:
    calls = 0

    def profile(_: FrameType, event: str, __: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls - 1


def answer_seconds() -> float:
    """Of a daemon with one provider; the least of some rounds."""
    with simulator() as upstream, daemon(config(provider("fox", upstream))) as gateway:
        return min(_round(gateway) for _ in range(4))


def _round(gateway: Daemon) -> float:
    before = _used(gateway)
    for _ in range(ANSWERS):
        gateway.post(MESSAGES.path, MESSAGES.request("x")).raise_for_status()
    return (_used(gateway) - before) / ANSWERS


def _used(gateway: Daemon) -> float:
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
