"""The failover generator: errors in, candidates out."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError, Scope
from daemon.router.failover import attempts
from daemon.snapshot.listings import Candidate
from daemon.wires.table import WIRES
from tests.router.auths import candidate

DOWN = RemoteError(ErrorKind.API, "down", scope=Scope.PROVIDER)
BAD_KEY = RemoteError(ErrorKind.AUTHENTICATION, "no", scope=Scope.CREDENTIAL)
BAD_REQUEST = RemoteError(ErrorKind.INVALID_REQUEST, "bad", scope=Scope.REQUEST)
CONTENT = RemoteError(ErrorKind.CONTENT, "filtered", scope=Scope.REQUEST, failover=Failover.ONCE)
WRONG_CLIENT = RemoteError(ErrorKind.WRONG_CLIENT, "codex only", scope=Scope.CLIENT)


def talk(*errors: GatewayError) -> str:
    """Who is asked, in order, when three candidates meet these errors; a dot where nobody else is asked."""
    return asked([candidate("a"), candidate("b"), candidate("c")], *errors)


def asked(candidates: Sequence[Candidate], *errors: GatewayError) -> str:
    """The same; a fallback model is shown by its name."""

    def shown(each: Candidate) -> str:
        return each.auth.name if each.model == "gpt-5" else each.model

    plan = attempts(candidates)
    names = [shown(next(plan))]
    for error in errors:
        try:
            names.append(shown(plan.send(error)))
        except StopIteration:
            return "".join(names) + "."
    return "".join(names)


@pytest.mark.parametrize(
    ("errors", "order"),
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
def test_who_is_asked_after_which_errors(errors: list[GatewayError], order: str) -> None:
    assert talk(*errors) == order


def answer(status: int, message: str, **words: str) -> GatewayError:
    """As a Chat Completions upstream says it."""
    body = json.dumps({"error": {"message": message, **words}}).encode()
    return WIRES["chat"].decode_error(status, {"content-type": "application/json"}, body)


UNREACHABLE = RemoteError(ErrorKind.API, "could not be reached: connection refused", scope=Scope.PROVIDER)
LATE = RemoteError(ErrorKind.TIMEOUT, "no first event")
NO_DNS = RemoteError(ErrorKind.API, "its name does not resolve", scope=Scope.PROVIDER)
LIMITED = answer(429, "Rate limit reached for requests", code="rate_limit_exceeded")
NO_MODEL = answer(404, "The model `gpt-5` does not exist", type="NotFoundError")
PAGE = WIRES["chat"].decode_error(404, {"content-type": "text/html"}, b"<html><title>Not Found</title></html>")


@pytest.mark.parametrize(
    ("errors", "order"),
    [
        ([UNREACHABLE], "ax"),
        ([NO_DNS, LATE], "axy"),
        ([LIMITED, NO_MODEL, UNREACHABLE], "axyb"),
        *(([answer(status, "it failed")], "ax") for status in (500, 502, 503, 504)),
        ([answer(400, "messages: bad")], "a."),
        ([answer(422, "messages: bad")], "a."),
        ([answer(404, "no such path")], "a."),
        ([answer(401, "Incorrect API key")], "ab"),
        ([answer(403, "not allowed")], "ab"),
        ([answer(402, "pay")], "ab"),
        ([PAGE], "ab"),
        ([LIMITED, answer(401, "Incorrect API key")], "axb"),
        ([LIMITED, answer(400, "messages: bad")], "ax."),
        ([LIMITED] * 4, "axyb."),
        ([CONTENT, DOWN], "ab."),
    ],
)
def test_fallback_models_are_asked_in_their_order_before_the_next_provider(
    errors: list[GatewayError], order: str
) -> None:
    fox = candidate("a", fallback_models=("x", "gpt-5", "y", "x"))
    assert asked([fox, candidate("b")], *errors) == order
