"""Histograms as plain numbers: how many observations fell into each bucket, and their sum."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from daemon.telemetry.metric_table import DURATION_BUCKETS, FIRST_EVENT_BUCKETS, SPEED_BUCKETS, TOKEN_TIME_BUCKETS


class Distribution:
    """A histogram of one series. ``counts`` has one place more than ``bounds``, for what is above them all."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, observations up to it), as the text format wants it."""
        edges = [*map(str, self.bounds), "+Inf"]
        return list(zip(edges, accumulate(self.counts), strict=True))


class RequestTimes:
    """The four histograms of the finished requests of one entry and provider."""

    __slots__ = ("duration", "first_event", "speed", "token_time")

    def __init__(self) -> None:
        self.first_event = Distribution(FIRST_EVENT_BUCKETS)
        self.duration = Distribution(DURATION_BUCKETS)
        self.token_time = Distribution(TOKEN_TIME_BUCKETS)
        self.speed = Distribution(SPEED_BUCKETS)

    def ended(self, first_event: float | None, total: float, output_tokens: int, streamed: bool) -> None:
        """A request has ended, ``total`` seconds after it came. Its steps are those of ``Distribution.observe``,
        without the calls."""
        each = self.duration
        each.counts[bisect_left(DURATION_BUCKETS, total)] += 1
        each.sum += total
        if first_event is None:
            return
        each = self.first_event
        each.counts[bisect_left(FIRST_EVENT_BUCKETS, first_event)] += 1
        each.sum += first_event
        if not output_tokens or total <= 0:
            return
        value = output_tokens / total
        each = self.speed
        each.counts[bisect_left(SPEED_BUCKETS, value)] += 1
        each.sum += value
        if streamed and output_tokens > 1:
            value = (total - first_event) / (output_tokens - 1)
            each = self.token_time
            each.counts[bisect_left(TOKEN_TIME_BUCKETS, value)] += 1
            each.sum += value


HISTOGRAMS = {
    "tppcd_request_first_event_seconds": "first_event",
    "tppcd_request_duration_seconds": "duration",
    "tppcd_time_per_output_token_seconds": "token_time",
    "tppcd_output_tokens_per_second": "speed",
}
"""Histogram -> field of ``RequestTimes``."""
