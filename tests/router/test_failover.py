"""The failover generator: errors in, candidates out."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError, Scope
from daemon.router.failover import attempts
from tests.router.auths import candidate

DOWN = RemoteError(ErrorKind.API, "down", scope=Scope.PROVIDER)
BAD_KEY = RemoteError(ErrorKind.AUTHENTICATION, "no", scope=Scope.CREDENTIAL)
BAD_REQUEST = RemoteError(ErrorKind.INVALID_REQUEST, "bad", scope=Scope.REQUEST)
CONTENT = RemoteError(ErrorKind.CONTENT, "filtered", scope=Scope.REQUEST, failover=Failover.ONCE)
WRONG_CLIENT = RemoteError(ErrorKind.WRONG_CLIENT, "codex only", scope=Scope.CLIENT)


def talk(*errors: GatewayError) -> str:
    """Who is asked, in order, when three candidates meet these errors; a dot where nobody else is asked."""
    plan = attempts([candidate("a"), candidate("b"), candidate("c")])
    asked = [next(plan).auth.name]
    for error in errors:
        try:
            asked.append(plan.send(error).auth.name)
        except StopIteration:
            return "".join(asked) + "."
    return "".join(asked)


@pytest.mark.parametrize(
    ("errors", "asked"),
    [
        ([], "a"),
        ([DOWN], "ab"),
        ([BAD_KEY, DOWN], "abc"),
        ([DOWN, DOWN, DOWN], "abc."),
        ([BAD_REQUEST], "a."),
        ([WRONG_CLIENT, WRONG_CLIENT], "abc"),
        ([CONTENT], "ab"),
        ([CONTENT, CONTENT], "ab."),
        ([CONTENT, DOWN], "ab."),
        ([DOWN, CONTENT], "abc"),
    ],
)
def test_who_is_asked_after_which_errors(errors: list[GatewayError], asked: str) -> None:
    assert talk(*errors) == asked
