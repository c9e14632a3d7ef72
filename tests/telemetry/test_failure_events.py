"""Failures as events: one per kind, core auth, class and minute, and none of them goes uncounted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents


class Minutes:
    """Events on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.audit = AuditLog()
        self.events = FailureEvents(self.audit, clock=lambda: self.now)

    def fail(self, times: int = 1, auth: str = "tppc:fox:1", error: str = "api") -> None:
        for number in range(times):
            message = "fox: upstream failed"
            self.events.publish_failure("attempt-failed", message, auth=auth, error=error, request_id=str(number))

    def counts(self) -> list[tuple[object, object, object]]:
        recent = self.audit.recent(1000)
        return [(event.fields["auth"], event.fields["error"], event.fields["count"]) for event in recent]


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda minutes: minutes.events.publish_counts(), id="the minute is over"),
        pytest.param(lambda minutes: minutes.events.close(), id="the daemon stops"),
    ],
)
def test_a_hundred_failures_in_a_minute_are_two_events(later: Callable[[Minutes], None]) -> None:
    minutes = Minutes()
    minutes.fail(100)
    minutes.now = 59.9
    minutes.events.publish_counts()
    assert minutes.counts() == [("tppc:fox:1", "api", 1)]
    minutes.now = 60.0
    later(minutes)
    assert minutes.counts() == [("tppc:fox:1", "api", 1), ("tppc:fox:1", "api", 99)]
    last = minutes.audit.recent(1)[0]
    assert (last.message, last.fields["request_id"]) == ("fox: upstream failed (99 times)", "99")


def test_the_next_failure_has_the_count_of_those_left_out() -> None:
    minutes = Minutes()
    minutes.fail(3)
    minutes.now = 61.0
    minutes.fail()
    assert [count for *_, count in minutes.counts()] == [1, 3]


def test_failures_that_go_on_are_one_event_a_minute() -> None:
    minutes = Minutes()
    for second in range(600):
        minutes.now = float(second)
        minutes.events.publish_counts()
        minutes.fail()
    minutes.events.close()
    counts = [int(str(count)) for *_, count in minutes.counts()]
    assert (len(counts), sum(counts)) == (11, 600)


def test_core_auths_and_classes_have_minutes_of_their_own() -> None:
    minutes = Minutes()
    for auth, error in (("a", "api"), ("a", "quota"), ("b", "api")):
        minutes.fail(2, auth, error)
    assert minutes.counts() == [("a", "api", 1), ("a", "quota", 1), ("b", "api", 1)]


def test_nothing_is_kept_of_failures_that_have_ended() -> None:
    minutes = Minutes()
    for number in range(1000):
        minutes.fail(2, auth=str(number))
    for minute in (1, 2):
        minutes.now = 60.0 * minute
        minutes.events.publish_counts()
    assert not minutes.events._windows
