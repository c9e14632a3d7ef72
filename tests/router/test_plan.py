"""The plan, as conversations over providers by script: who is asked, what is waited for, what the client gets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from daemon.errors import ErrorKind, Failover, GatewayError, RemoteError, Scope
from daemon.router.plan import Acquire, Acquired, Answered, Ask, Failed, Pause, Waited, plan
from daemon.snapshot.listings import Candidate
from tests.router.auths import candidate
from tests.router.conversation import World, error

A, B, C = candidate("a"), candidate("b"), candidate("c")
LIMIT = error(ErrorKind.RATE_LIMIT, 429)
SERVER = error(ErrorKind.API, 500)
CUT = error(ErrorKind.API, None, reason="cut")
REFUSED = error(ErrorKind.API, None, reason="refused")
TIMEOUT = error(ErrorKind.TIMEOUT)
KEY = error(ErrorKind.AUTHENTICATION, 401)
BALANCE = error(ErrorKind.BILLING, 402)
NO_MODEL = error(ErrorKind.MODEL_NOT_FOUND, 404)
OFFICIAL = error(ErrorKind.WRONG_CLIENT, 403)
BAD = error(ErrorKind.INVALID_REQUEST, 400)


def limit(seconds: float) -> RemoteError:
    return error(ErrorKind.RATE_LIMIT, 429, retry_after=seconds)


def test_round_robin_takes_turns() -> None:
    world = World(A, B, C)
    assert [world.ask() for _ in range(5)] == ["a", "b", "c", "a", "b"]


def test_fill_first_asks_the_first_until_it_rests() -> None:
    world = World(B, A, C, strategy="fill-first")
    assert [world.ask(), world.ask()] == ["b", "b"]
    world.fails("b", SERVER)
    assert [world.ask(), world.ask()] == ["b a", "a"]


def test_a_lower_tier_is_asked_when_the_higher_one_rests() -> None:
    world = World(candidate("a", priority=1), B, candidate("c", priority=1))
    assert [world.ask() for _ in range(3)] == ["a", "c", "a"]
    world.fails("a", KEY)
    world.fails("c", KEY)
    assert [world.ask(), world.ask()] == ["c a b", "b"]


def test_weights_share_the_requests() -> None:
    weighted = [candidate(name, weight=weight) for name, weight in (("a", 5), ("b", 3), ("c", 2), ("d", 0))]
    world = World(*weighted, strategy="weighted")
    assert Counter(world.ask() for _ in range(100)) == {"a": 50, "b": 30, "c": 20}
    world.fails("a", KEY)
    assert world.ask().split()[0] == "a"
    assert Counter(world.ask() for _ in range(100)) == {"b": 60, "c": 40}
    world.works("a")
    world.now += 1800
    assert Counter(world.ask() for _ in range(100)) == {"a": 50, "b": 30, "c": 20}, "no backlog"


def test_least_busy_asks_who_answers_sooner() -> None:
    world = World(A, B, strategy="least-busy")
    world.first_event = {"a": 0.5, "b": 0.1}
    world.ask([A])
    world.ask([B])
    assert {world.ask() for _ in range(5)} == {"b"}


@pytest.mark.parametrize(
    ("fault", "first", "second"),
    [
        (LIMIT, "a b", "b"),
        (SERVER, "a b", "b"),
        (REFUSED, "a b", "b"),
        (KEY, "a b", "b"),
        (BALANCE, "a b", "b"),
        (NO_MODEL, "a b", "b"),
        (OFFICIAL, "a b", "b"),
        (BAD, "a !invalid_request", "b"),
    ],
    ids=lambda value: value.kind if isinstance(value, RemoteError) else "",
)
def test_who_rests_after_which_failure(fault: RemoteError, first: str, second: str) -> None:
    """Faults of the request stop it and rest nobody; a cut stream rests nobody either, and the next request asks
    again."""
    world = World(A, B)
    world.fails("a", fault)
    assert world.ask() == first
    assert world.ask() == second
    if fault is not BAD:
        assert world.ask() == "b", "it rests"


def test_a_cut_stream_rests_nobody() -> None:
    world = World(A, B)
    world.fails("a", CUT)
    assert [world.ask() for _ in range(3)] == ["a b", "a b", "a b"]


def test_content_is_asked_once_more() -> None:
    world = World(A, B, C)
    content = error(ErrorKind.CONTENT, 400, failover=Failover.ONCE)
    world.fails("a", content)
    world.fails("b", content)
    assert world.ask() == "a b !content"
    assert world.ask([A, C]) == "a c", "nobody rests"


def test_one_model_of_a_core_auth_rests_alone() -> None:
    world = World(A, B)
    world.fails("a", SERVER)
    assert world.ask() == "a b"
    world.works("a")
    other = [candidate("a", "gpt-5-codex"), candidate("b", "gpt-5-codex")]
    assert world.ask(other, name="gpt-5-codex") == "gpt-5-codex"
    assert world.ask() == "b"


def test_a_relay_for_other_clients_rests_for_this_family_alone() -> None:
    world = World(A, B)
    world.fails("a", OFFICIAL)
    assert world.ask(family="claude-code") == "a b"
    world.works("a")
    assert world.ask([A, B], family="claude-code") == "b"
    assert world.ask([A], family="codex") == "a"


def test_further_rounds_wait_for_the_soonest() -> None:
    world = World(A, rounds=3)
    world.fails("a", SERVER)
    assert world.ask() == "a 1s a 2s a 4s a !api"


def test_the_upstreams_own_time_is_waited_for() -> None:
    world = World(A, rounds=3)
    world.fails("a", limit(0.005), limit(0.005), limit(0.005), None)
    assert world.ask() == "a 0.005s a 0.005s a 0.005s a"


def test_a_wait_that_is_too_long_is_the_clients() -> None:
    world = World(A, B, rounds=3)
    world.fails("a", limit(300))
    world.fails("b", limit(200))
    assert world.ask() == "a b !rate_limit"
    caught = raised(world)
    assert (caught.status, caught.retry_after, caught.should_retry) == (429, 200.0, False)
    assert "a (too many requests (http_429), 5 min more)" in caught.message


def raised(world: World) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        next(plan(world.router, world.request()))
    return caught.value


def test_refused_keys_begin_no_round_and_stay_the_answer() -> None:
    """Never a 503, which Codex repeats thirty times."""
    world = World(A, B, rounds=3)
    world.fails("a", KEY)
    world.fails("b", KEY)
    assert world.ask() == "a b !authentication"
    again = raised(world)
    assert (again.kind, again.status, again.should_retry) == (ErrorKind.AUTHENTICATION, 401, False)


def test_somebody_who_is_ready_is_asked_without_a_wait() -> None:
    world = World(A, B, C, rounds=3)
    world.fails("a", limit(5))
    world.fails("b", KEY)
    assert world.ask() == "a b c"


def test_a_mixed_outage_is_a_503_with_the_soonest_return() -> None:
    world = World(A, B, rounds=0)
    world.fails("a", SERVER)
    world.fails("b", KEY)
    assert world.ask() == "a b !api", "what may be better soon is shown, and not the refused key"
    again = raised(world)
    assert (again.kind, again.status, again.retry_after) == (ErrorKind.OVERLOADED, 503, 1.0)


def test_a_rest_that_is_over_is_tried_by_one_request() -> None:
    world = World(A, B)
    world.fails("a", limit(5))
    assert world.ask() == "a b"
    world.now += 5
    first = plan(world.router, world.request([A]))
    assert next(first) == Ask(A)
    assert world.ask() == "b", "the other one has the probe"
    first.close()
    world.works("a")
    assert {world.ask(), world.ask()} == {"a", "b"}, "its client hung up: the next one takes the probe"
    assert {world.ask(), world.ask()} == {"a", "b"}


def test_others_wait_for_the_probe_where_nobody_else_is_left() -> None:
    world = World(A)
    world.fails("a", limit(5))
    world.ask()
    world.now += 5
    probe = plan(world.router, world.request())
    assert next(probe) == Ask(A)
    waiting = plan(world.router, world.request())
    step = next(waiting)
    assert step.seconds == 0.25  # type: ignore[union-attr]
    with pytest.raises(StopIteration):
        probe.send(Answered(0.01))
    assert waiting.send(Waited()) == Ask(A)


def test_rests_double_after_a_rest_and_not_inside_one() -> None:
    world = World(A)
    world.fails("a", SERVER)
    together = [plan(world.router, world.request()) for _ in range(2)]
    for each in together:
        next(each)
    for each in together:
        with pytest.raises(RemoteError):
            each.send(Failed(SERVER))
    assert rest_of(world) == 1.0, "the second one says nothing new"
    for seconds in (2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        world.now += rest_of(world)
        world.ask()
        assert rest_of(world) == seconds
    world.now += rest_of(world) + 61
    world.ask()
    assert rest_of(world) == 1.0, "long ago"


def rest_of(world: World) -> float:
    return world.router.rests(A.auth.id)[0][1].until - world.now


def test_an_answer_ends_the_rest_unless_it_began_before() -> None:
    world = World(A)
    early = plan(world.router, world.request())
    next(early)
    world.now += 1
    world.fails("a", SERVER)
    world.ask()
    with pytest.raises(StopIteration):
        early.send(Answered(0.01))
    assert world.router.rests(A.auth.id)
    world.now += 1
    world.works("a")
    assert world.ask() == "a"
    assert not world.router.rests(A.auth.id)


def test_an_answer_to_the_list_of_models_lets_one_request_try_once() -> None:
    world = World(A, B, strategy="fill-first")
    world.fails("a", SERVER)
    assert [world.ask(), world.ask()] == ["a b", "b"]
    assert list(world.router.cooldowns.healing(now=world.now)) == [A.auth.id]
    world.router.cooldowns.healed(A.auth.id, began=world.now, now=world.now)
    assert [world.ask(), world.ask()] == ["a b", "b"], "it fails all the same"
    assert rest_of(world) == 2.0
    world.router.cooldowns.healed(A.auth.id, began=world.now, now=world.now)
    assert [world.ask(), world.ask()] == ["a b", "b"], "it cost nothing to ask: the list lets one more try"


def test_a_list_that_has_shown_nothing_waits_as_long_as_it_cost() -> None:
    """A provider that lists its models and does not answer is not asked all the time."""
    world = World(A)
    for healed_at in (0.0, 0.75, 0.75, 0.75):
        steps = plan(world.router, world.request())
        next(steps)
        world.now += 0.75
        with pytest.raises(RemoteError):
            steps.send(Failed(TIMEOUT))
        if healed_at:
            world.now += healed_at - 0.25
            heal(world)
            assert rest_of(world) > 0
            world.now += 0.25
        heal(world)
        assert not world.router.rests(A.auth.id)


def heal(world: World) -> None:
    world.router.cooldowns.healed(A.auth.id, began=world.now, now=world.now)


def test_a_key_that_was_refused_does_not_heal() -> None:
    world = World(A, B, strategy="fill-first")
    world.fails("a", KEY)
    world.ask()
    world.router.cooldowns.healed(A.auth.id, began=world.now, now=world.now)
    assert world.ask() == "b"


def test_disable_cooling_reports_and_rests_nobody() -> None:
    world = World(candidate("a", disable_cooling=True))
    world.fails("a", error(ErrorKind.PERMISSION, 403), LIMIT)
    assert [world.ask(), world.ask(), world.ask()] == ["a !permission", "a !rate_limit", "a !rate_limit"]


def test_fallback_models_come_before_the_next_provider() -> None:
    world = World(candidate("a", fallback_models=("mini", "nano")), B)
    world.fails("a", NO_MODEL, SERVER, None)
    assert world.ask() == "a mini nano"
    world.fails("a", KEY)
    world.now += 1800
    assert world.ask([candidate("a", fallback_models=("mini",)), B]).split()[-1] == "b"


def test_a_session_stays_where_its_cache_is() -> None:
    world = World(A, B, C)
    assert world.ask(session=b"one") == "a"
    assert world.ask() == "b"
    assert [world.ask(session=b"one") for _ in range(3)] == ["a", "a", "a"]
    world.fails("a", SERVER)
    assert world.ask(session=b"one") == "a c"
    world.works("a")
    world.now += 60
    assert world.ask(session=b"one") == "c", "it has moved"


def test_a_slow_provider_loses_its_sessions_and_does_not_rest() -> None:
    world = World(A, B)
    world.first_event = {"a": 1.0, "b": 0.1}
    for _ in range(20):
        world.ask([A], session=b"one")
        world.ask([B])
    asked = [world.ask(session=b"one") for _ in range(4)]
    assert not world.router.rests(A.auth.id)
    assert asked[-3:] == ["b", "b", "b"], "it moves as soon as it is b's turn"


@pytest.mark.parametrize(
    ("first_events", "changes", "leaves"),
    [
        ((1.0, 0.1, 0.1), {}, True),
        ((0.39, 0.1, 0.1), {}, False),
        ((1.0, 0.1, 0.9), {}, False),
        ((1.0, 0.1, 0.1), {"disable_cooling": True}, False),
        ((1.0, 0.1, 0.1), {"priority": 1}, False),
    ],
    ids=["slow", "not four times", "median of the others", "disable-cooling", "alone in its tier"],
)
def test_when_a_provider_is_slow(first_events: tuple[float, ...], changes: dict[str, Any], leaves: bool) -> None:
    """More than four times the median of its tier over 20 answers: its sessions go, and it does not rest."""
    slow = candidate("a", **changes)
    world = World(slow, B, C)
    world.first_event = dict(zip("abc", first_events, strict=True))
    for each in (slow, B, C):
        for _ in range(20):
            world.ask([each], session=b"one")
    world.ask([slow], session=b"one")
    world.now += 1.0
    asked = {world.ask(session=b"one") for _ in range(6)}
    assert ("b" in asked or "c" in asked) is leaves
    assert not world.router.rests(slow.auth.id)


def test_a_provider_that_is_fast_again_keeps_its_sessions_again() -> None:
    world = World(A, B)
    world.first_event = {"a": 1.0, "b": 0.1}
    for each in (A, B):
        for _ in range(20):
            world.ask([each])
    world.first_event = {"a": 0.1, "b": 0.1}
    for _ in range(20):
        world.ask([A], session=b"one")
    world.now += 1.0
    assert [world.ask(session=b"one") for _ in range(3)] == ["a", "a", "a"]


def test_max_concurrent_is_kept_and_who_waits_gets_the_free_place() -> None:
    one = candidate("a", max_concurrent=1)
    world = World(one)
    first, second = (plan(world.router, world.request()) for _ in range(2))
    assert next(first) == Ask(one)
    step = next(second)
    assert isinstance(step, Acquire)
    woken: list[bool] = []
    ticket = world.router.slots.wait("client", [one.auth.id], lambda: woken.append(True))
    assert ticket is not None
    with pytest.raises(StopIteration):
        first.send(Answered(0.01))
    assert woken == [True]
    assert second.send(Acquired(ticket.auth_id)) == Ask(one)
    assert world.router.slots.running(one.auth.id) == 1


def test_who_waits_for_a_place_asks_another_when_its_rest_ends() -> None:
    one = candidate("a", max_concurrent=1)
    world = World(one, B, rounds=3)
    world.fails("b", limit(5))
    held = plan(world.router, world.request([one]))
    next(held)
    assert world.ask() == "b queue(a) b queue(a) b queue(a) b queue(a) queue(a) !rate_limit"
    held.close()


def test_full_everywhere_is_a_429() -> None:
    one = candidate("a", max_concurrent=1)
    world = World(one)
    next(plan_held := plan(world.router, world.request()))
    assert world.ask() == "queue(a) !rate_limit"
    plan_held.close()
    assert world.ask() == "a"


def test_a_limit_that_nobody_announced_is_learned() -> None:
    """Three fit: the fourth at once is refused, and from then on nobody asks for a fourth."""
    world = World(A)
    four = [plan(world.router, world.request()) for _ in range(4)]
    for each in four:
        assert next(each) == Ask(A)
    assert four[3].send(Failed(LIMIT)) == Pause(0.0)
    assert isinstance(four[3].send(Waited()), Acquire), "it waits for one of the three, and needs no round for that"
    assert not world.router.rests(A.auth.id), "it is full, and not out of service"
    assert isinstance(next(plan(world.router, world.request())), Acquire)


@pytest.mark.parametrize("sticky", [True, False])
def test_a_session_whose_stream_broke_off_goes_elsewhere(sticky: bool) -> None:
    """Its client asks again, and would be cut again. Nobody rests for it: other sessions still ask the first."""
    world = World(A, B, strategy="fill-first")
    world.fails("a", CUT)
    world.shown = True
    assert world.ask(session=b"one", sticky=sticky) == "a !api", "the client has seen a piece"
    assert [world.ask(session=b"one", sticky=sticky) for _ in range(2)] == ["b", "b"]
    assert not world.router.rests(A.auth.id)
    world.works("a")
    assert [world.ask(session=b"two", sticky=sticky), world.ask(sticky=sticky)] == ["a", "a"]
    world.now += 61
    assert world.ask(session=b"one", sticky=sticky) == ("b" if sticky else "a")


@pytest.mark.parametrize(("candidates", "why"), [([A], None), ([A, B], KEY), ([A, B], CUT)])
def test_who_broke_off_is_asked_where_there_is_no_other(candidates: list[Candidate], why: RemoteError | None) -> None:
    world = World(*candidates, strategy="fill-first")
    world.shown = True
    world.fails("a", CUT)
    world.fails("b", why)
    while world.ask(session=b"one") == "b !api":
        world.fails("b", why)
    world.ask(session=b"one")
    assert world.ask(session=b"one").split()[0] == "a"


def test_a_region_that_is_refused_rests_nobody() -> None:
    world = World(A, B)
    world.fails("a", RemoteError(ErrorKind.PERMISSION, "region", scope=Scope.REQUEST, failover=Failover.ALWAYS))
    assert [world.ask(), world.ask(), world.ask()] == ["a b", "a b", "a b"]


@pytest.mark.parametrize("reason", ["tls", "redirect", "forbidden_address"])
def test_what_somebody_has_to_set_right_is_not_waited_for(reason: str) -> None:
    world = World(A)
    world.fails("a", RemoteError(ErrorKind.API, "no", reason=reason))
    assert world.ask() == "a !api"
