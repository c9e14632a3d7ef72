"""When a connection rests among others, and for how long: reads as (seconds after the request, bytes)."""

from __future__ import annotations

import pytest

from daemon.upstream.http.pace import LEAST, MOST, SEVERAL, WORTH, Pace

LITTLE = 250


@pytest.mark.parametrize(
    ("gathering", "reads", "rests"),
    [
        (False, [(0.5, LITTLE)], [0]),
        (False, [(0.5, LITTLE), (0.505, LITTLE), (0.51, LITTLE)], [0, 0, 0]),
        (False, [(0.5, LITTLE), (0.5001, LITTLE), (0.5012, LITTLE)], [0, LEAST, LEAST]),
        (False, [(0.5, LITTLE), (0.5001, WORTH), (0.5002, LITTLE)], [0, 0, LEAST]),
        (True, [(0.002, LITTLE)], [0]),
        (True, [(0.002, LITTLE), (0.003, LITTLE)], [0, LEAST]),
        (True, [(0.1, LITTLE)], [0.005]),
        (True, [(0.1, WORTH)], [0]),
        (True, [(1.0, LITTLE), (1.5, LITTLE)], [0.05, 0.075]),
        (True, [(60.0, LITTLE)], [MOST]),
    ],
    ids=[
        "first",
        "as a model speaks",
        "a burst",
        "a large piece",
        "whole, at once",
        "whole, a burst",
        "whole, a twentieth",
        "whole, a large piece",
        "whole, ever longer",
        "whole, the longest",
    ],
)
def test_the_rest_after_each_read(gathering: bool, reads: list[tuple[float, int]], rests: list[float]) -> None:
    pace = Pace(range(SEVERAL), asked=0.0)
    pace.gathering = gathering
    assert [pace.rest(now, size) for now, size in reads] == pytest.approx(rests)
    alone = Pace(range(SEVERAL - 1), asked=0.0)
    alone.gathering = gathering
    assert not any(alone.rest(now, size) for now, size in reads)
