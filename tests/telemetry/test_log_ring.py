"""The newest log records: what is kept and what is asked for."""

from __future__ import annotations

import pytest

from daemon.telemetry.log_ring import LogFilter, LogRing

RECORDS: tuple[tuple[int, dict[str, object]], ...] = (
    (20, {"request_id": "a", "provider": "fox"}),
    (30, {"request_id": "b", "provider": "wolf"}),
    (40, {}),
    (20, {"request_id": "b", "provider": "fox"}),
)


def ring(capacity: int = 10) -> LogRing:
    filled = LogRing(capacity)
    for severity, extra in RECORDS:
        filled.put({"at": 1.0, "level": "INFO", "logger": "x", "message": "m", "extra": extra}, severity)
    return filled


@pytest.mark.parametrize(
    "wanted, most, ids",
    [
        (LogFilter(), 10, [1, 2, 3, 4]),
        (LogFilter(), 2, [3, 4]),
        (LogFilter(), 0, []),
        (LogFilter(after=3), 10, [4]),
        (LogFilter(after=9), 10, []),
        (LogFilter(severity=30), 10, [2, 3]),
        (LogFilter(fields={"provider": "fox"}), 10, [1, 4]),
        (LogFilter(fields={"provider": "fox", "request_id": "b"}), 10, [4]),
    ],
)
def test_what_is_wanted_newest_last(wanted: LogFilter, most: int, ids: list[int]) -> None:
    assert [kept.id for kept in ring().select(wanted, most)] == ids


def test_only_the_newest_are_kept() -> None:
    assert [each.id for each in ring(3).select(LogFilter(), 10)] == [2, 3, 4]
    assert ring(3).last == 4
