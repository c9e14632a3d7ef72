"""What a provider takes at once and does not announce is learned from its refusals."""

from __future__ import annotations

from random import Random

import pytest

from tests.router.auths import candidate
from tests.router.traffic import Traffic

MINUTE = 60.0


@pytest.mark.parametrize(
    ("clients", "seconds", "fits", "minutes"),
    [
        (10, 0.5, 3, 3),
        (20, 0.5, 3, 3),
        (4, 2.0, 3, 10),
        (8, 5.0, 3, 30),
        (4, 15.0, 3, 60),
        (8, 1.0, 1, 10),
        (60, 1.0, 25, 5),
    ],
)
def test_after_the_first_minute_hardly_anything_is_refused(
    clients: int, seconds: float, fits: int, minutes: int
) -> None:
    """Less than two in a hundred attempts, and no client sees one; the places that there are stay in use."""
    traffic = Traffic(candidate("a"), clients=clients, seconds=seconds, fits={"a": fits}, random=Random(clients).random)
    traffic.run(MINUTE)
    traffic.forget_counts()
    traffic.run(MINUTE * minutes)
    asked, refused = traffic.asked["a"], traffic.refused["a"]
    assert refused < 0.02 * asked
    assert not traffic.lost
    assert asked - refused > 0.8 * fits * MINUTE * (minutes - 1) / (seconds + 0.08)
