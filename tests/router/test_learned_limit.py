"""What a provider takes at once and does not announce is learned from its refusals."""

from __future__ import annotations

from random import Random

import pytest

from daemon.errors import ErrorKind
from daemon.router.plan import Ask, plan
from tests.router.auths import candidate
from tests.router.conversation import World, error
from tests.router.traffic import Traffic

A, B = candidate("a"), candidate("b")
MINUTE = 60.0


@pytest.mark.parametrize(
    ("clients", "seconds", "fits", "minutes", "lag"),
    [
        (10, 0.5, 3, 3, 0.0),
        (20, 0.5, 3, 3, 0.0),
        (4, 2.0, 3, 10, 0.0),
        (8, 5.0, 3, 30, 0.0),
        (4, 15.0, 3, 60, 0.0),
        (8, 1.0, 1, 10, 0.0),
        (60, 1.0, 25, 3, 0.0),
        (8, 0.2, 3, 4, 0.001),
        (8, 0.2, 3, 4, 0.003),
    ],
)
def test_after_the_first_minute_hardly_anything_is_refused(
    clients: int, seconds: float, fits: int, minutes: int, lag: float
) -> None:
    """Less than two in a hundred attempts, and no client sees one; the places that there are stay in use."""
    traffic = Traffic(
        candidate("a"), clients=clients, seconds=seconds, fits={"a": fits}, random=Random(clients).random, lag=lag
    )
    traffic.run(MINUTE)
    traffic.forget_counts()
    traffic.run(MINUTE * minutes)
    asked, refused = traffic.asked["a"], traffic.refused["a"]
    assert refused < 0.02 * asked
    assert not traffic.lost
    assert asked - refused > 0.6 * fits * MINUTE * (minutes - 1) / (seconds + 0.08)


def test_one_that_refuses_everybody_is_out_of_service() -> None:
    """Refused beside five streams it has as many as it takes. Refused alone it rests, and nothing is thought of its
    limit when it is back."""
    world = World(A, B, strategy="fill-first")
    streams = [plan(world.router, world.request([A])) for _ in range(5)]
    for each in streams:
        next(each)
    world.fails("a", error(ErrorKind.RATE_LIMIT, 429, retry_after=1.0))
    assert [world.ask() for _ in range(3)] == ["a b", "b", "b"]
    for each in streams:
        each.close()
    assert [world.ask(), world.ask()] == ["a b", "b"]
    world.works("a")
    world.now += 1.5
    held = [plan(world.router, world.request()) for _ in range(8)]
    assert world.ask() == "a"
    assert [next(each) for each in held] == [Ask(A)] * 8
