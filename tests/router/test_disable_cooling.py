"""``disable-cooling``: failures are reported, and nobody rests or loses its sessions; a change is in force at once."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind
from tests.router.auths import candidate
from tests.router.conversation import World, error


@pytest.mark.parametrize("disabled, asked", [(False, "a"), (True, "b")])
def test_a_slow_provider_keeps_its_sessions_with_it(disabled: bool, asked: str) -> None:
    world = World(candidate("a"), candidate("b", disable_cooling=disabled), strategy="fill-first")
    world.first_event = {"a": 0.1, "b": 5.0}
    for _ in range(30):
        world.ask(world.candidates[:1])
        world.ask(world.candidates[1:], session=b"s")
    world.now += 2  # what was judged is old
    assert world.ask(session=b"s") == asked


@pytest.mark.parametrize(
    "fault",
    [
        error(ErrorKind.AUTHENTICATION, 401),
        error(ErrorKind.QUOTA, 402),
        error(ErrorKind.RATE_LIMIT, 429, retry_after=600.0),
        error(ErrorKind.API, 500),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_a_reload_that_turns_it_on_ends_the_rests_and_one_that_turns_it_off_begins_none(fault: object) -> None:
    world = World(candidate("a"), candidate("b"), strategy="fill-first")
    world.fails("a", fault)  # type: ignore[arg-type]
    assert (world.ask(), world.ask()) == ("a b", "b")
    world.candidates = (candidate("a", disable_cooling=True), candidate("b"))
    world.router.follow(each.auth for each in world.candidates)
    assert world.router.rests(world.candidates[0].auth.id) == []
    assert (world.ask(), world.ask()) == ("a b", "a b")
    world.candidates = (candidate("a"), candidate("b"))
    world.router.follow(each.auth for each in world.candidates)
    assert (world.ask(), world.ask()) == ("a b", "b")


def test_a_rest_that_another_rule_began_is_not_kept_to_either() -> None:
    """The check of keys puts a core auth to rest without a request."""
    world = World(candidate("a", disable_cooling=True))
    auth_id = world.candidates[0].auth.id
    world.router.cooldowns.key_refused(auth_id, now=world.now)
    assert world.ask() == "a"
