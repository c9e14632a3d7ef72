"""When a save counts as complete: conversations of looks and waits, without a clock."""

from __future__ import annotations

import pytest

from daemon.sources.lease import Lease
from daemon.sources.settle import Look, Settle, Timing

FREE, BUSY, BLIND = Lease.FREE, Lease.BUSY, Lease.UNAVAILABLE
TIMING = Timing()


def look(lease: Lease, version: int, size: int = 100) -> Look:
    return Look(stamps=((version, size),), size=size, lease=lease)


@pytest.mark.parametrize(
    ("looks", "waits"),
    [
        pytest.param([(0, FREE, 1), (0.05, FREE, 1)], [0.05, 0], id="closed: the settle time"),
        pytest.param([(0, FREE, 1), (0.04, FREE, 2), (0.09, FREE, 2)], [0.05, 0.05, 0], id="changed again"),
        pytest.param(
            [(n * 0.04, FREE, n) for n in range(5)], [0.05, 0.05, 0.05, 0.03, 0], id="a burst has an upper bound"
        ),
        pytest.param([(0, BUSY, 1), (3, BUSY, 1), (3.05, FREE, 1)], [0.05, 0.05, 0], id="open: until it is closed"),
        pytest.param(
            [(0, BUSY, 1), (4.97, BUSY, 1), (5, BUSY, 1)], [0.05, 0.03, 0], id="open for ever: the patience ends"
        ),
        pytest.param(
            [(0, BUSY, 1), (4, BUSY, 2), (8.99, BUSY, 2), (9, BUSY, 2)], [0.05, 0.05, 0.01, 0], id="open, at work"
        ),
        pytest.param([(0, BLIND, 1), (0.3, BLIND, 2), (0.7, BLIND, 2)], [0.4, 0.4, 0], id="no lease: a longer silence"),
        pytest.param([(n * 0.3, BLIND, n) for n in range(18)], [0.4] * 16 + [0.2, 0], id="no lease, no silence"),
    ],
)
def test_waits(looks: list[tuple[float, Lease, int]], waits: list[float]) -> None:
    settle = Settle(TIMING)
    assert [settle.wait(look(lease, version), at, size=100) for at, lease, version in looks] == pytest.approx(waits)


@pytest.mark.parametrize(
    ("size", "lease", "wait"),
    [
        (0, FREE, TIMING.vanished),
        (-1, FREE, TIMING.vanished),
        (0, BLIND, TIMING.vanished),
        (0, BUSY, TIMING.lease_retry),
        (49, BLIND, TIMING.shrunk),
        (50, BLIND, TIMING.blind),
        (49, FREE, TIMING.settle),
    ],
)
def test_what_vanished_is_given_time_to_come_back(size: int, lease: Lease, wait: float) -> None:
    assert Settle(TIMING).wait(look(lease, 1, size), 0.0, size=100) == wait


@pytest.mark.parametrize(("lease", "wait"), [(FREE, 0), (BLIND, 0), (BUSY, TIMING.lease_retry)])
def test_at_once_waits_for_a_writer_only(lease: Lease, wait: float) -> None:
    assert Settle(TIMING).wait(look(lease, 1, 0), 0.0, at_once=True) == wait


def test_what_went_away_does_not_shorten_the_next_wait() -> None:
    settle = Settle(TIMING)
    settle.wait(look(FREE, 1), 0.0)
    settle.forget()
    assert settle.wait(look(FREE, 2), 9.0) == TIMING.settle
