"""A provider's fallback models: asked in their order before the next provider, where another model may help."""

from __future__ import annotations

import json

import pytest

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.wires.table import WIRES
from tests.router.auths import candidate
from tests.router.conversation import World


def answer(status: int, message: str, **words: str) -> RemoteError:
    """As a Chat Completions upstream says it; a page as it comes."""
    page = message.startswith("<")
    body = message.encode() if page else json.dumps({"error": {"message": message, **words}}).encode()
    error = WIRES["chat"].decode_error(status, {"content-type": "text/html" if page else "application/json"}, body)
    assert isinstance(error, RemoteError)
    return error


UNREACHABLE = RemoteError(ErrorKind.API, "could not be reached: connection refused", scope=Scope.PROVIDER)
LATE = RemoteError(ErrorKind.TIMEOUT, "no first event")
NO_DNS = RemoteError(ErrorKind.API, "its name does not resolve", scope=Scope.PROVIDER)
LIMITED = answer(429, "Rate limit reached for requests", code="rate_limit_exceeded")
NO_MODEL = answer(404, "The model `gpt-5` does not exist", type="NotFoundError")
PAGE = answer(404, "<html><title>Not Found</title></html>")
CONTENT = answer(400, "blocked", code="sensitive_words_detected")


@pytest.mark.parametrize(
    ("errors", "order"),
    [
        ([UNREACHABLE], "a x"),
        ([NO_DNS, LATE], "a x y"),
        ([LIMITED, NO_MODEL, UNREACHABLE], "a x y b"),
        *(([answer(status, "it failed")], "a x") for status in (500, 502, 503, 504)),
        ([answer(400, "messages: bad")], "a !invalid_request"),
        ([answer(422, "messages: bad")], "a !invalid_request"),
        ([answer(404, "no such path")], "a !not_found"),
        ([answer(401, "Incorrect API key")], "a b"),
        ([answer(403, "not allowed")], "a b"),
        ([answer(402, "pay")], "a b"),
        ([PAGE], "a b"),
        ([LIMITED, answer(401, "Incorrect API key")], "a x b"),
        ([LIMITED, answer(400, "messages: bad")], "a x !invalid_request"),
        ([CONTENT], "a b"),
    ],
)
def test_who_is_asked(errors: list[RemoteError], order: str) -> None:
    fox = candidate("a", fallback_models=("x", "gpt-5", "y", "x"))
    world = World(fox, candidate("b"))
    world.fails("a", *errors, None)
    assert world.ask() == order


def test_a_wrong_address_is_not_asked_again() -> None:
    """A web page with 404 is the same page a second later."""
    world = World(candidate("a"), rounds=3)
    world.fails("a", PAGE)
    assert world.ask() == "a !api"
