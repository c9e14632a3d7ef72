"""A judgement is made again where the words that decided it are the request's own."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, Failure, RemoteError
from daemon.wires.failures.judge import judge, judged_again


def asked(_: str) -> bool:
    raise AssertionError("the request is not looked at")


@pytest.mark.parametrize(
    ("kind", "text", "written"),
    [
        (ErrorKind.RATE_LIMIT, "并发过高", "hello"),
        (ErrorKind.API, "cannot parse: 如何处理并发？", "如何处理并发？"),
        (ErrorKind.BILLING, "并发: 余额不足", "并发"),
        (ErrorKind.API, "并发: 余额不足", "并发, 余额不足"),
        (ErrorKind.RATE_LIMIT, "'限流' is odd, 并发过高", "限流"),
        (ErrorKind.OVERLOADED, "bad 并发, 请稍后再试", "并发"),
    ],
)
def test_the_requests_own_words_do_not_count(kind: ErrorKind, text: str, written: str) -> None:
    error = judge(Failure(status=500, message=text))
    again = judged_again(error, lambda piece: piece in written)
    assert (again.kind, again.message) == (kind, text)


def test_what_a_code_or_a_status_decided_stands_and_the_request_is_not_read() -> None:
    for failure in (Failure(status=503), Failure(status=500, code="1113", message="余额不足")):
        error = judge(failure)
        assert judged_again(error, asked) is error


def test_a_prompt_that_is_too_long_is_one_whatever_was_asked() -> None:
    text = "prompt is too long: 5 tokens > 4 maximum"
    error = judge(Failure(status=400, message=text))
    assert judged_again(error, asked).kind is ErrorKind.CONTEXT_LENGTH


def test_what_was_never_judged_is_left_alone() -> None:
    error = RemoteError(ErrorKind.API, "cut")
    assert judged_again(error, asked) is error


def test_a_key_that_was_masked_in_the_meantime_stays_masked() -> None:
    error = judge(Failure(status=500, message="my-key: 并发"))
    error.message = "***: 并发"
    assert judged_again(error, lambda piece: piece == "并发").message == "***: 并发"
