"""Strangers write ten lines a second at most, whenever the second begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.telemetry.line_limit import MOST, PERIOD, LineLimit


@given(st.lists(st.integers(0, 400), max_size=200))
def test_no_second_has_more_lines_than_the_limit(pauses: list[int]) -> None:
    """Times in milliseconds; a line is refused only where it would be one too many."""
    limit, now, written = LineLimit(), 0, list[int]()
    for pause in pauses:
        now += pause
        recent = [at for at in written if now - at < PERIOD * 1000]
        assert limit.takes(now / 1000) is (len(recent) < MOST)
        if len(recent) < MOST:
            written.append(now)


def test_the_wait_ends_when_the_oldest_of_ten_is_a_second_old() -> None:
    limit = LineLimit()
    assert all(limit.takes(number / 10) for number in range(MOST))
    assert (limit.wait(0.95), limit.takes(0.95)) == (PERIOD - 0.95, False)
    assert (limit.wait(PERIOD), limit.takes(PERIOD), limit.takes(PERIOD)) == (0.0, True, False)
