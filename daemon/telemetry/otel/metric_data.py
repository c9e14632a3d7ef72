"""The daemon's numbers in the form of the SDK's exporter: every metric of ``/metrics``, under the same name, and those
that the conventions name. All of them are cumulative since the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

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
from daemon.telemetry.otel.inference_numbers import Attributes, InferenceNumbers
from daemon.telemetry.otel.names import DURATION, SCOPE, TIME_TO_FIRST, USAGE, Instrument

CUMULATIVE: Final = AggregationTemporality.CUMULATIVE
NOT_KEPT: Final[Any] = None
"""In place of the least and the greatest observation: the exporter leaves them out."""


class FamilySample(Protocol):
    """One number of a family, as the Prometheus library has it."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family(Protocol):
    """One metric with all its series, as the Prometheus library has it. The name of a counter lacks ``_total``."""

    name: str
    documentation: str
    type: str

    @property
    def samples(self) -> list[Any]: ...


class MetricData:
    """Makes what is exported. ``started`` is the start of all counts, in nanoseconds of Unix time."""

    def __init__(self, resource: Resource, started: int) -> None:
        self._resource, self._started = resource, started

    def of(self, families: Iterable[Family], numbers: InferenceNumbers, now: int) -> MetricsData:
        """Everything as it stands at ``now``, in nanoseconds of Unix time. A metric without a series is left out."""
        times = (self._started, now)
        metrics = [*self._named(numbers, times), *(_family(each, times) for each in families if each.samples)]
        scope = ScopeMetrics(InstrumentationScope(SCOPE, __version__), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _named(self, numbers: InferenceNumbers, times: tuple[int, int]) -> Iterator[Metric]:
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


def _histogram(series: Mapping[Attributes, Distribution], times: tuple[int, int]) -> Histogram:
    return Histogram(
        [
            _distribution(dict(attributes), each.counts, each.bounds, each.sum, times)
            for attributes, each in series.items()
        ],
        CUMULATIVE,
    )


def _family(family: Family, times: tuple[int, int]) -> Metric:
    if family.type == "histogram":
        return Metric(
            family.name, family.documentation, _unit(family.name), Histogram(_read(family, times), CUMULATIVE)
        )
    if family.type == "counter":
        counts = [_number(dict(each.labels), int(each.value), times) for each in family.samples]
        total = Sum(counts, CUMULATIVE, is_monotonic=True)
        return Metric(f"{family.name}_total", family.documentation, _unit(family.name), total)
    points = [_number(dict(each.labels), float(each.value), times) for each in family.samples]
    return Metric(family.name, family.documentation, _unit(family.name), Gauge(points))


def _read(family: Family, times: tuple[int, int]) -> list[HistogramDataPoint]:
    """The series of a histogram. Its samples are the observations up to each bound, with the bound as a label."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    points = []
    for labels, edges in buckets.items():
        bounds = [bound for bound, _ in edges if bound != math.inf]
        up_to = [int(count) for _, count in edges]
        counts = [each - before for each, before in zip(up_to, [0, *up_to], strict=False)]
        points.append(_distribution(dict(labels), counts, bounds, sums.get(labels, 0.0), times))
    return points


def _distribution(
    attributes: dict[str, Any], counts: Iterable[int], bounds: Iterable[float], total: float, times: tuple[int, int]
) -> HistogramDataPoint:
    counts = [*counts]
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=times[0],
        time_unix_nano=times[1],
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=[*bounds],
        min=NOT_KEPT,
        max=NOT_KEPT,
    )


def _number(attributes: dict[str, Any], value: float, times: tuple[int, int]) -> NumberDataPoint:
    return NumberDataPoint(attributes, times[0], times[1], value)


def _unit(name: str) -> str:
    return "s" if name.endswith("_seconds") else ""
