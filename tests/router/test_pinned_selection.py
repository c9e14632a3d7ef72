"""Pinned cases 116 to 121 and 138: who is asked, as conversations with the plan and a clock.

``pytest -k case_117`` runs those of one case; what is otherwise here is in docs/decisions/0003-pinned-cases.md.
"""

from __future__ import annotations

from collections import Counter

import pytest

from daemon.errors import ErrorKind
from daemon.gateway.routing import session_key
from daemon.inference.blocks import Text
from daemon.inference.request import Message, Request
from daemon.router.exhausted import all_resting
from daemon.router.plan import Answered, Ask, Failed, plan
from tests.router.auths import candidate
from tests.router.conversation import World, error

A, B, C = candidate("a"), candidate("b"), candidate("c")
SERVER = error(ErrorKind.API, 500)
KEY = error(ErrorKind.AUTHENTICATION, 401)
LIMIT = error(ErrorKind.RATE_LIMIT, 429, retry_after=60.0)


def weighted(**weights: int) -> World:
    return World(*(candidate(name, weight=weight) for name, weight in weights.items()), strategy="weighted")


def test_case_116_fill_first_round_robin_and_tiers() -> None:
    assert World(B, A, C, strategy="fill-first").ask() == "b", "in the order of the file, and not of the names"
    world = World(A, B, C)
    assert [world.ask() for _ in range(5)] == ["a", "b", "c", "a", "b"]


@pytest.mark.parametrize("strategy", ["round-robin", "fill-first", "weighted", "least-busy", "headroom"])
def test_case_116_a_lower_tier_only_while_the_higher_one_rests(strategy: str) -> None:
    world = World(candidate("low"), candidate("high", priority=5), strategy=strategy)
    assert {world.ask() for _ in range(20)} == {"high"}
    world.fails("high", LIMIT)
    assert [world.ask(session=b"s"), world.ask(session=b"s")] == ["high low", "low"]
    world.works("high")
    world.now += 60
    assert world.ask(session=b"s") == "high", "a session is sticky inside its tier"


def test_case_117_weights() -> None:
    world = weighted(a=5, b=3, c=2, d=0)
    assert Counter(world.ask() for _ in range(100)) == {"a": 50, "b": 30, "c": 20}
    world = World(A, B, strategy="weighted")
    assert Counter(world.ask() for _ in range(10)) == {"a": 5, "b": 5}, "the default weight is 1"


def test_case_117_the_top_one_is_out_and_returns_without_a_backlog() -> None:
    world = weighted(a=5, b=3, c=2, d=0)
    rest = [each for each in world.candidates if each.auth.name != "a"]
    assert Counter(world.ask(rest) for _ in range(100)) == {"b": 60, "c": 40}
    assert Counter(world.ask() for _ in range(20)) == {"a": 10, "b": 6, "c": 4}


def test_case_117_another_weight_starts_at_zero() -> None:
    world = weighted(a=1, b=1)
    assert world.ask() == "a"
    changed = [candidate("a", weight=1), candidate("b", weight=3)]
    assert Counter(world.ask(changed) for _ in range(8)) == {"a": 2, "b": 6}


def test_case_118_all_efforts_of_a_model_share_turns_and_rests() -> None:
    """The name that is routed has no effort suffix; a rest is kept under the upstream's name of the model."""
    world = World(A, B)
    assert [world.ask(name="gpt-5"), world.ask(name="gpt-5")] == ["a", "b"]
    world.fails("a", SERVER)
    assert world.ask() == "a b"
    assert {world.ask(name="gpt-5"), world.ask(name="an-alias")} == {"b"}


def test_case_118_the_latest_time_counts() -> None:
    world = World(A)
    early = plan(world.router, world.request())
    next(early)
    for seconds, until in ((60.0, 60.0), (10.0, 60.0), (300.0, 300.0)):
        each = plan(world.router, world.request([A]))
        if seconds == 60.0:
            next(each)
            with pytest.raises(Exception, match="no"):
                each.send(Failed(LIMIT))
        else:
            late = error(ErrorKind.RATE_LIMIT, 429, retry_after=seconds)
            world.router.failed(world.request(), A, late, began=world.now - 1, running=1)
        assert world.router.rests(A.auth.id)[0][1].until == world.now + until
    early.close()


@pytest.mark.parametrize("names", ["a", "ab"])
def test_case_119_all_rest(names: str) -> None:
    """429 ``model_cooldown`` with ``retry-after``; the provider is named as a field where it is the only one."""
    world = World(*(candidate(name) for name in names))
    for name in names:
        world.fails(name, LIMIT)
    world.ask(longest_wait=0.0)
    rests = [(each.auth, world.router.why_not(world.request(), each)) for each in world.candidates]
    raised = all_resting("gpt-5", rests, now=world.now)  # type: ignore[arg-type]
    assert (raised.status, raised.code, raised.retry_after) == (429, "model_cooldown", 60.0)
    assert raised.details == ({"provider": "a"} if names == "a" else None)


def test_case_120_blocked_without_a_time_and_free_when_it_is_over() -> None:
    world = World(A, B, strategy="fill-first")
    world.fails("a", error(ErrorKind.BILLING, 402), None)
    assert [world.ask(), world.ask()] == ["a b", "b"]
    world.now += 1800
    assert [world.ask(), world.ask()] == ["a", "a"]


def test_case_121_requests_at_once_are_spread_evenly() -> None:
    world = World(A, B, C)
    running = [plan(world.router, world.request()) for _ in range(300)]
    asked = Counter(step.candidate.auth.name for each in running if isinstance(step := next(each), Ask))
    assert asked == {"a": 100, "b": 100, "c": 100}
    for each in running:
        with pytest.raises(StopIteration):
            each.send(Answered(0.01))
    assert not any(world.router.slots.running(each.auth.id) for each in world.candidates)


def test_case_138_a_session_stays_and_others_spread() -> None:
    world = World(A, B, C)
    assert [world.ask(session=each) for each in (b"1", b"2", b"3", b"1", b"2", b"3")] == ["a", "b", "c"] * 2
    other_model = [candidate(name, "gpt-5-codex") for name in "abc"]
    assert world.ask(other_model, session=b"2") == "gpt-5-codex"
    assert world.ask(session=b"2") == "b", "a variant of the model shares it"


def test_case_138_a_core_auth_that_rests_loses_the_session() -> None:
    world = World(A, B)
    world.ask(session=b"1")
    world.fails("a", LIMIT)
    assert world.ask(session=b"1") == "a b"
    world.works("a")
    world.now += 60
    assert world.ask(session=b"1") == "b"


def test_case_138_a_request_that_is_refused_for_itself_keeps_its_session() -> None:
    world = World(A, B)
    world.ask(session=b"1")
    world.fails("a", error(ErrorKind.INVALID_REQUEST, 400), None)
    assert world.ask(session=b"1") == "a !invalid_request"
    assert world.ask() == "b", "somebody else's turn"
    assert world.ask(session=b"1") == "a"


def test_case_138_a_late_answer_does_not_undo_a_move() -> None:
    world = World(A, B)
    slow = plan(world.router, world.request([A], session=b"1"))
    next(slow)
    world.now += 1
    assert world.ask([B], session=b"1") == "b"
    world.now += 1
    with pytest.raises(StopIteration):
        slow.send(Answered(0.01))
    assert world.ask(session=b"1") == "b"


def test_case_138_a_late_failure_does_not_undo_a_move() -> None:
    world = World(A, B)
    slow = plan(world.router, world.request([A], session=b"1"))
    next(slow)
    assert world.ask([B], session=b"1") == "b"
    with pytest.raises(Exception, match="no"):
        slow.send(Failed(SERVER))
    assert world.ask(session=b"1") == "b"


def test_case_138_a_session_name_is_trimmed() -> None:
    def key(name: str) -> bytes:
        message = Message(role="user", content=(Text("x"),))
        return session_key(Request(model="gpt-5", messages=(message,), session=name, wire="responses"))

    assert key(" abc\t") == key("abc") != key("ABC")


def test_a_slow_one_is_compared_with_its_own_tier_and_keeps_its_sessions_with_disable_cooling() -> None:
    for cooling, stays in ((True, False), (False, True)):
        world = World(candidate("a", disable_cooling=not cooling), candidate("b"))
        world.first_event = {"a": 1.0, "b": 0.1}
        for _ in range(20):
            world.ask([world.candidates[0]], session=b"1")
            world.ask([world.candidates[1]])
        assert (world.ask(session=b"1"), world.ask(session=b"1")) == (("a", "a") if stays else ("a", "b")) or not stays
        assert (world.ask(session=b"1") == "a") is stays
    world = World(candidate("a", priority=1), candidate("b", priority=0))
    world.first_event = {"a": 1.0, "b": 0.1}
    for _ in range(20):
        world.ask([world.candidates[0]], session=b"1")
        world.ask([world.candidates[1]])
    assert not world.router.health.is_slow(
        world.candidates[0].auth.id, "m", [world.candidates[0].auth.id], now=world.now
    )
