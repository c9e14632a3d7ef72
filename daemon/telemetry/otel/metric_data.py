"""The daemon's numbers in the form of the SDK's exporter: every metric of ``/metrics``, under the same name, and those
that the conventions name. All of them are cumulative since the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from daemon import __version__
from daemon.telemetry.distribution import Distribution
from daemon.telemetry.metric_table import Metric as Row
from daemon.telemetry.otel.inference_numbers import Attributes, InferenceNumbers
from daemon.telemetry.otel.names import DURATION, SCOPE, TIME_TO_FIRST, USAGE, Instrument

CUMULATIVE: Final = AggregationTemporality.CUMULATIVE
Series = Mapping[tuple[str | int, ...], float] | Mapping[tuple[str, ...], Distribution]
Times = tuple[int, int]
NOT_KEPT: Final[Any] = None
"""In place of the least and the greatest observation: the exporter leaves them out."""


class MetricData:
    """Makes what is exported. ``started`` is the start of all counts, in nanoseconds of Unix time."""

    def __init__(self, resource: Resource, started: int) -> None:
        self._resource, self._started = resource, started

    def of(self, rows: Iterable[tuple[Row, Series]], numbers: InferenceNumbers, now: int) -> MetricsData:
        """Everything as it stands at ``now``, in nanoseconds of Unix time. A metric without a series is left out."""
        times = (self._started, now)
        metrics = [*self._named(numbers, times), *(_row(*row, times) for row in rows if row[1])]
        scope = ScopeMetrics(InstrumentationScope(SCOPE, __version__), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _named(self, numbers: InferenceNumbers, times: Times) -> Iterator[Metric]:
        """Those of the conventions."""
        for instrument, series in ((DURATION, numbers.durations), (TIME_TO_FIRST, numbers.first_chunks)):
            if series:
                yield _metric(instrument, _histogram(series, times))
        for instrument, counts in zip(USAGE, numbers.tokens, strict=True):
            if counts:
                points = [_number(dict(attributes), count, times) for attributes, count in counts.items()]
                yield _metric(instrument, Sum(points, CUMULATIVE, is_monotonic=True))


def _metric(instrument: Instrument, data: Sum | Histogram) -> Metric:
    return Metric(instrument.name, instrument.help, instrument.unit, data)


def _histogram(series: Mapping[Attributes, Distribution], times: Times) -> Histogram:
    return Histogram(
        [_distribution(dict(attributes), each, times) for attributes, each in series.items()],
        CUMULATIVE,
    )


def _row(row: Row, series: Series, times: Times) -> Metric:
    """A metric of the table."""
    named = {tuple(zip(row.labels, map(str, labels), strict=True)): each for labels, each in series.items()}
    data: Histogram | Sum | Gauge
    if row.kind == "histogram":
        data = _histogram({labels: each for labels, each in named.items() if isinstance(each, Distribution)}, times)
    else:
        is_gauge = row.kind == "gauge"  # whose series may be whole now and not later
        points = [
            _number(dict(labels), float(each) if is_gauge else each, times)
            for labels, each in named.items()
            if not isinstance(each, Distribution)
        ]
        data = Gauge(points) if is_gauge else Sum(points, CUMULATIVE, is_monotonic=True)
    return Metric(row.name, row.help, "s" if row.name.endswith("_seconds") else "", data)


def _distribution(attributes: dict[str, Any], each: Distribution, times: Times) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=times[0],
        time_unix_nano=times[1],
        count=sum(each.counts),
        sum=each.sum,
        bucket_counts=[*each.counts],
        explicit_bounds=each.bounds,
        min=NOT_KEPT,
        max=NOT_KEPT,
    )


def _number(attributes: dict[str, Any], value: float, times: Times) -> NumberDataPoint:
    return NumberDataPoint(attributes, times[0], times[1], value)
