"""Conversations with the failover generator: outcomes in, attempts out."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError, Scope
from daemon.router.failover import Outcome, attempts
from tests.router.auths import candidate

DOWN = RemoteError(ErrorKind.API, "down", scope=Scope.PROVIDER)
BAD_KEY = RemoteError(ErrorKind.AUTHENTICATION, "no", scope=Scope.CREDENTIAL)
BAD_REQUEST = RemoteError(ErrorKind.INVALID_REQUEST, "bad", scope=Scope.REQUEST)
CONTENT = RemoteError(ErrorKind.CONTENT, "filtered", scope=Scope.REQUEST, failover=Failover.ONCE)
WRONG_CLIENT = RemoteError(ErrorKind.WRONG_CLIENT, "codex only", scope=Scope.CLIENT)


def talk(*outcomes: tuple[GatewayError | None, bool]) -> str:
    """Who is asked, in order, when three candidates meet these (error, committed) outcomes."""
    plan = attempts([candidate("a"), candidate("b"), candidate("c")])
    asked = [next(plan).candidate.auth.name]
    for error, committed in outcomes:
        try:
            asked.append(plan.send(Outcome(error, committed)).candidate.auth.name)
        except StopIteration:
            return "".join(asked) + "."
    return "".join(asked)


@pytest.mark.parametrize(
    ("outcomes", "asked"),
    [
        ([(None, False)], "a."),
        ([(None, True)], "a."),
        ([(DOWN, False)], "ab"),
        ([(BAD_KEY, False), (DOWN, False)], "abc"),
        ([(DOWN, False), (DOWN, False), (DOWN, False)], "abc."),
        ([(BAD_REQUEST, False)], "a."),
        ([(DOWN, True)], "a."),
        ([(WRONG_CLIENT, False), (WRONG_CLIENT, False)], "abc"),
        ([(CONTENT, False)], "ab"),
        ([(CONTENT, False), (CONTENT, False)], "ab."),
        ([(CONTENT, False), (DOWN, False)], "ab."),
        ([(DOWN, False), (CONTENT, False)], "abc"),
        ([(DOWN, False), (None, False)], "ab."),
    ],
)
def test_whom_outcomes_lead_to(outcomes: list[tuple[GatewayError | None, bool]], asked: str) -> None:
    assert talk(*outcomes) == asked


def test_attempts_are_numbered_from_one() -> None:
    plan = attempts([candidate("a"), candidate("b")])
    assert next(plan).number == 1
    assert plan.send(Outcome(DOWN, committed=False)).number == 2
