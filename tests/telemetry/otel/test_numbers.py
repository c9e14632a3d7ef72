"""The numbers on their way into the exporter's form."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Histogram, MetricsData, Sum
from opentelemetry.sdk.resources import Resource

from daemon.inference.response import Usage
from daemon.telemetry.metric_table import TABLE
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel.facts import Attempt
from daemon.telemetry.otel.inference_numbers import MOST_SERIES, InferenceNumbers
from daemon.telemetry.otel.metric_data import MetricData
from daemon.telemetry.otel.names import DURATION, INSTRUMENTS, NAMES, OVERFLOW, TIME_TO_FIRST, USAGE, Name


def attempt(model: str = "gpt-5", provider: str = "fox", port: int = 443) -> Attempt:
    return Attempt(
        provider=provider, auth="a", system="openai", model=model, host="fox.example", port=port, streamed=True
    )


def by_name(data: MetricsData) -> dict[str, Any]:
    return {
        metric.name: metric
        for each in data.resource_metrics
        for scope in each.scope_metrics
        for metric in scope.metrics
    }


def exported(metrics: Metrics, numbers: InferenceNumbers) -> dict[str, Any]:
    return by_name(MetricData(Resource.get_empty(), 1).of(metrics.rows(), numbers, 2))


def test_the_numbers_of_attempts() -> None:
    """A failure has a duration and its reason, and no tokens."""
    metrics = Metrics()
    numbers = InferenceNumbers(metrics.model_label)
    usage = Usage(input_tokens=10, output_tokens=4, cached_tokens=6, reasoning_tokens=0)
    numbers.answered(attempt(), 1.0, 0.3, usage)
    numbers.answered(attempt(), 2.0, None, usage)
    numbers.failed(attempt(), 0.5, "http_503")
    found = exported(metrics, numbers)
    assert {name: found[name].data.data_points[0].value for name in (each.name for each in USAGE) if name in found} == {
        USAGE[0].name: 20, USAGE[1].name: 8, USAGE[2].name: 12,
    }  # fmt: skip
    counts = {
        each.attributes.get(Name.ERROR, ""): (each.count, each.sum) for each in found[DURATION.name].data.data_points
    }
    assert counts == {"": (2, 3.0), "http_503": (1, 0.5)}
    (first,) = found[TIME_TO_FIRST.name].data.data_points
    assert (first.count, first.sum, sum(first.bucket_counts)) == (1, 0.3, 1)


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_every_row_of_the_table_keeps_its_name_its_labels_and_its_numbers(metric: Any) -> None:
    metrics = Metrics()
    metrics.request_started()
    metrics.request_finished("messages", "fox", 200, 0.3, 7000.0, Usage(input_tokens=3), model="gpt-5")
    metrics.loop_was_late(0.3)
    metrics.reload(True, 1.5)
    found = exported(metrics, InferenceNumbers(metrics.model_label)).get(metric.name)
    series = {row.name: series for row, series in metrics.rows()}[metric.name]
    if not series:
        assert found is None
        return
    assert found is not None and found.description == metric.help
    if metric.kind == "histogram":
        assert isinstance(found.data, Histogram)
        (point,) = found.data.data_points
        assert (point.count, sum(point.bucket_counts), tuple(point.explicit_bounds)) == (1, 1, metric.buckets)
        last = 1 if metric.name == "tppcd_request_duration_seconds" else 0
        of = {"entry": "messages", "provider": "fox"} if metric.labels else {}
        assert (point.bucket_counts[-1], point.attributes) == (last, of)
        return
    assert isinstance(found.data, Sum) == (metric.kind == "counter")
    points = {tuple(each.attributes.values()): each.value for each in found.data.data_points}
    assert points == {tuple(map(str, labels)): value for labels, value in series.items()}
    assert all(tuple(each.attributes) == metric.labels for each in found.data.data_points)


def test_the_series_are_bounded() -> None:
    """What is beyond the bound is counted together, and nothing is lost."""
    numbers = InferenceNumbers(lambda _provider, model, _answered: model)
    for number in range(MOST_SERIES + 10):
        numbers.answered(attempt(port=number), 1.0, None, Usage(input_tokens=1))
    assert len(numbers.durations) == len(numbers.tokens[0]) == MOST_SERIES
    assert sum(numbers.tokens[0].values()) == MOST_SERIES + 10
    assert numbers.tokens[0][(OVERFLOW, True),] == 11


def test_a_model_that_nobody_has_named_takes_a_place_only_with_an_answer() -> None:
    """As in the Prometheus metrics."""
    metrics = Metrics()
    metrics.snapshot(
        generation=1, providers=1, core_auths=1, models=1, names=["fox"], known=lambda *_: "", registrations={}
    )
    numbers = InferenceNumbers(metrics.model_label)
    numbers.failed(attempt(model="words-of-a-client"), 1.0, "http_404")
    numbers.answered(attempt(model="real", provider="gone"), 1.0, None, None)
    assert {dict(series)[Name.MODEL] for series in numbers.durations} == {"other"}


def test_each_name_has_one_meaning_and_each_instrument_one_name() -> None:
    assert NAMES.keys() == set(Name)
    assert len({each.name for each in INSTRUMENTS}) == len(INSTRUMENTS)
