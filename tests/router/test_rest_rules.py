"""How long a rest is: the upstream's own time, jitter, and the most."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.router.rest_rules import LONGEST, RULES, hinted_seconds, with_jitter
from tests.router.conversation import error


@pytest.mark.parametrize("seconds", [0.005, 1.0, 4.0, 30.0, 600.0, LONGEST])
@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_jitter_is_a_quarter_at_most_two_seconds_and_never_over_the_longest(seconds: float, random: float) -> None:
    assert seconds <= with_jitter(seconds, random) <= min(seconds * 1.25, seconds + 2.0, max(seconds, LONGEST))


def test_the_upstreams_time_is_relative_or_a_moment() -> None:
    assert hinted_seconds(error(ErrorKind.RATE_LIMIT, 429, retry_after=7.0), 1000.0) == 7.0
    moment: RemoteError = error(ErrorKind.QUOTA, 429)
    moment.resets_at = 1060.0
    assert hinted_seconds(moment, 1000.0) == 60.0
    assert hinted_seconds(moment, 2000.0) is None, "it is over"
    assert hinted_seconds(error(ErrorKind.AUTHENTICATION, 401, retry_after=1.0), 0.0) is None, "a key does not heal"


def test_every_kind_rests_by_a_rule_or_is_the_requests_fault() -> None:
    requests = {ErrorKind.INVALID_REQUEST, ErrorKind.TOO_LARGE, ErrorKind.CONTEXT_LENGTH, ErrorKind.CONTENT}
    assert set(ErrorKind) - set(RULES) == requests
