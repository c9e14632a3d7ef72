"""The Prometheus text format (version 0.0.4): metrics as ``GET /metrics`` shows them.

No stream goes on meanwhile: the 14,000 series of 2,000 providers took the library that did this before four times as
long (2026-11-28).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import inf
from typing import Final, cast

from daemon.telemetry.distribution import Distribution
from daemon.telemetry.metric_table import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str | int, ...]
"""Values, in the order of the table."""


def head(metric: Metric) -> str:
    text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {metric.name} {text}\n# TYPE {metric.name} {metric.kind}\n"


def lines(metric: Metric, series: Mapping[Labels, float | Distribution]) -> Iterator[str]:
    """Of one row of the table."""
    yield head(metric)
    if metric.kind == "histogram":
        yield from _histogram(metric, cast("Mapping[Labels, Distribution]", series))
    else:
        yield from _numbers(metric, cast("Mapping[Labels, float]", series))


def _numbers(metric: Metric, numbers: Mapping[Labels, float]) -> Iterator[str]:
    """Of a counter or a gauge."""
    line, order = _template(metric.name, metric.labels)
    for labels, value in numbers.items():
        yield line % (*[_escaped(labels[at]) for at in order], number(value))


def _histogram(metric: Metric, distributions: Mapping[Labels, Distribution]) -> Iterator[str]:
    """The buckets, how many observations there were, and their sum."""
    bucket, order = _template(f"{metric.name}_bucket", (*metric.labels, "le"))
    count, _ = _template(f"{metric.name}_count", metric.labels)
    total, own = _template(f"{metric.name}_sum", metric.labels)
    for labels, distribution in distributions.items():
        shown, observed = tuple(_escaped(labels[at]) for at in own), 0.0
        for edge, observed in distribution.cumulative():
            values = (*labels, edge)
            yield bucket % (*[_escaped(values[at]) for at in order], number(observed))
        yield count % (*shown, number(observed))
        yield total % (*shown, number(distribution.sum))


def number(value: float) -> str:
    """A float, so that no reader takes ``1`` and ``1.0`` for different things."""
    return "+Inf" if value == inf else repr(float(value))


def _template(name: str, labels: tuple[str, ...]) -> tuple[str, list[int]]:
    """``name{entry="%s",le="%s"} %s``, and the places of the values. Sorted by label, so that a series is the same text
    whatever the table says."""
    order = sorted(range(len(labels)), key=labels.__getitem__)
    pairs = ",".join(f'{labels[at]}="%s"' for at in order)
    return f"{name}{{{pairs}}} %s\n" if labels else f"{name} %s\n", order


@lru_cache(maxsize=8192)
def _escaped(value: str | int) -> str:
    return str(value).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
