"""What is gathered of upstreams' answers is bounded, for each answer and for all of them together."""

from __future__ import annotations

import asyncio

import pytest

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.gateway.gathered import ALL, EACH, GatheredBudget, without_frames

MIB = 2**20


def test_the_limits_are_those_of_the_documentation() -> None:
    assert (EACH, ALL) == (64 * MIB, 256 * MIB)


def test_one_answer_takes_its_share_and_not_more() -> None:
    budget = GatheredBudget()
    with budget.share() as share:
        share.take(EACH)
        with pytest.raises(
            RemoteError, match="larger than 64 MiB, the most that is collected for one request"
        ) as refused:
            share.take(1)
        assert budget.taken == EACH
    assert (refused.value.kind, refused.value.status, refused.value.scope) == (ErrorKind.API, 502, Scope.PROVIDER)
    assert budget.taken == 0


def test_all_answers_together_take_theirs() -> None:
    budget = GatheredBudget(each=10, all=25)
    with budget.share() as first, budget.share() as second, budget.share() as third:
        first.take(10)
        second.take(10)
        with pytest.raises(RemoteError, match="all answers that are being collected"):
            third.take(6)
        third.take(5)
        first.give_back()
        third.take(5)
        assert (first.size, budget.taken) == (0, 20)
    assert budget.taken == 0


@pytest.mark.parametrize("error", [RemoteError(ErrorKind.API, "cut"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_however_an_answer_ends_its_bytes_are_given_back(error: BaseException) -> None:
    budget = GatheredBudget()
    with pytest.raises(type(error)), budget.share() as share:
        share.take(5)
        raise error
    assert budget.taken == 0


def test_a_failure_keeps_no_frame_that_holds_the_answer() -> None:
    cause = OSError()
    try:
        try:
            raise RemoteError(ErrorKind.API, "cut") from cause
        except RemoteError as failure:
            raise without_frames(failure) from failure.__cause__
    except RemoteError as error:
        assert error.__traceback__ is not None and error.__traceback__.tb_next is None
        assert error.__cause__ is cause
