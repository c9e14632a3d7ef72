"""The daemon's Prometheus metrics: one table, one registry, and methods named after what happened.

Counting is adding to plain numbers, keyed by the label values; the library is used only at a
scrape (its own counters take a lock per step: 6 us for a finished request, this 2).
Everything runs on the event loop's thread. Labels that clients can influence (models, lost fields)
are bounded: what is beyond the bound is counted under ``other`` (``model_labels``). The series of a provider end with
it: at the snapshot without it they are deleted, and what its last requests add is counted under ``other``.
"""

from __future__ import annotations

import platform
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate
from typing import Any, Final, Literal, Protocol

import prometheus_client as prometheus
from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from daemon import __version__
from daemon.telemetry.model_labels import OTHER, ModelLabels, StandingOf

Kind = Literal["counter", "gauge", "histogram"]

CONTENT_TYPE: Final = prometheus.CONTENT_TYPE_LATEST
AUTH_STATES: Final = ("ready", "cooling", "disabled")
OF_A_PROVIDER: Final = ("provider", "name")
"""Labels that hold a provider's name."""
INDEX: Final = re.compile(r"\[\d+\]")
MOST_FIELDS: Final = 128

FIRST_EVENT_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
DURATION_BUCKETS: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metric(Struct, frozen=True):
    """One row of the table: the exposed name, what it is, its help text, and its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


TABLE: Final = (
    Metric("tppcd_build_info", "gauge", "Always 1; the labels say what is running.", ("version", "python")),
    Metric("tppcd_config_last_reload_successful", "gauge", "1 if the last configuration reload was applied, else 0."),
    Metric(
        "tppcd_config_last_reload_success_timestamp_seconds",
        "gauge",
        "Unix time of the last reload that was applied.",
    ),
    Metric("tppcd_config_reloads_total", "counter", "Reloads by result: success or failure.", ("result",)),
    Metric("tppcd_config_generation", "gauge", "Generation of the current snapshot."),
    Metric("tppcd_providers", "gauge", "Enabled providers of the current snapshot."),
    Metric("tppcd_core_auths", "gauge", "Core auths of the current snapshot."),
    Metric(
        "tppcd_core_auth_state",
        "gauge",
        "Core auths of a provider in a state: ready, cooling or disabled.",
        ("name", "state"),
    ),
    Metric("tppcd_models_registered", "gauge", "Public model names of the current snapshot."),
    Metric(
        "tppcd_credential_attempts_total",
        "counter",
        "Upstream attempts by provider name and result: ok or the class of the failure.",
        ("name", "result"),
    ),
    Metric(
        "tppcd_requests_total",
        "counter",
        "Finished requests by entry, provider ('' = none was asked) and HTTP status.",
        ("entry", "provider", "status"),
    ),
    Metric(
        "tppcd_request_failures_total",
        "counter",
        "Finished requests with another status than 200, by entry and by who can change it: client, configuration, "
        "upstream, limit or gateway (reference/logs.md says which failure is whose).",
        ("entry", "cause"),
    ),
    Metric("tppcd_requests_in_flight", "gauge", "Requests that have started and not finished."),
    Metric(
        "tppcd_request_first_event_seconds",
        "histogram",
        "Seconds from the request until the first event of its answer was written to the client.",
        ("entry", "provider"),
        FIRST_EVENT_BUCKETS,
    ),
    Metric(
        "tppcd_request_duration_seconds",
        "histogram",
        "Seconds from the request to the end of its answer.",
        ("entry", "provider"),
        DURATION_BUCKETS,
    ),
    Metric(
        "tppcd_tokens_total",
        "counter",
        "Tokens by kind: input (cached ones included), output, cached, cache_write, reasoning (part of output).",
        ("provider", "model", "kind"),
    ),
    Metric("tppcd_lost_total", "counter", "Fields that were lost in translation.", ("field",)),
    Metric(
        "tppcd_events_skipped_total",
        "counter",
        "Events that could not be read and were skipped (no JSON, no object, none of the wire's), by provider name.",
        ("provider",),
    ),
    Metric("tppcd_upstream_cancelled_total", "counter", "Upstream requests ended because the client disconnected."),
    Metric("tppcd_log_lines_dropped_total", "counter", "Log lines dropped because the output was stuck."),
)


class TokenCounts(Protocol):
    """What a finished request used; None = the upstream did not say (``inference.response.Usage``)."""

    @property
    def input_tokens(self) -> int | None: ...
    @property
    def output_tokens(self) -> int | None: ...
    @property
    def cached_tokens(self) -> int | None: ...
    @property
    def cache_write_tokens(self) -> int | None: ...
    @property
    def reasoning_tokens(self) -> int | None: ...


Labels = tuple[str | int, ...]


class Distribution:
    """A histogram of one series: how many observations fell into each bucket, and their sum."""

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


class Metrics:
    """All numbers of one daemon, in a registry of their own (two daemons in one process do not mix)."""

    def __init__(self, *, version: str = __version__) -> None:
        numbers = (metric for metric in TABLE if metric.kind != "histogram")
        self._values: dict[str, dict[Labels, float]] = {m.name: {} if m.labels else {(): 0} for m in numbers}
        self._first_event: dict[Labels, Distribution] = {}
        self._duration: dict[Labels, Distribution] = {}
        self._distributions = {
            "tppcd_request_first_event_seconds": self._first_event,
            "tppcd_request_duration_seconds": self._duration,
        }
        self._requests = self._values["tppcd_requests_total"]
        self._tokens = self._values["tppcd_tokens_total"]
        self._in_flight = 0
        self._providers: frozenset[str] | None = None  # before the first snapshot nothing is served
        self._models = ModelLabels()
        self._values["tppcd_build_info"][version, platform.python_version()] = 1
        self._values["tppcd_config_reloads_total"] = {("success",): 0, ("failure",): 0}
        self._registry = prometheus.CollectorRegistry()
        self._registry.register(self)
        prometheus.ProcessCollector(registry=self._registry)

    def exposition(self) -> bytes:
        """The text format of ``GET /metrics`` (content type ``CONTENT_TYPE``)."""
        return prometheus.generate_latest(self._registry)

    def collect(self) -> Iterator[prometheus.Metric]:
        """Every row of the table with its numbers of now; the registry calls this at a scrape."""
        self._set("tppcd_requests_in_flight", self._in_flight)
        for metric in TABLE:
            yield self._family(metric)

    def reload(self, ok: bool, at: float) -> None:
        """A reload ended; ``at`` is Unix seconds."""
        self._set("tppcd_config_last_reload_successful", 1 if ok else 0)
        self._add("tppcd_config_reloads_total", "success" if ok else "failure")
        if ok:
            self._set("tppcd_config_last_reload_success_timestamp_seconds", at)

    def snapshot(
        self,
        *,
        generation: int,
        providers: int,
        core_auths: int,
        models: int,
        names: Collection[str],
        known: StandingOf,
    ) -> None:
        """A snapshot was applied. ``names`` are those of its providers, the disabled ones too, and ``known`` says how
        it knows a model; the series of all others end."""
        self._set("tppcd_config_generation", generation)
        self._set("tppcd_providers", providers)
        self._set("tppcd_core_auths", core_auths)
        self._set("tppcd_models_registered", models)
        own = frozenset(("", OTHER, *names))
        gone = self._models.follow(own, known)
        for labels in [each for each in self._tokens if each[:2] in gone]:
            del self._tokens[labels]
        if own != self._providers:
            self._providers = own
            self._end_series(own)

    def auth_states(self, states: Iterable[tuple[str, str]]) -> None:
        """The state of every core auth as (provider name, state); what is missing now disappears.

        Called before each exposition, since a cooldown ends by the clock and not by an event.
        """
        counts: dict[Labels, float] = {}
        for name, state in states:
            for known in AUTH_STATES:
                counts.setdefault((name, known), 0)
            counts[name, state] += 1
        self._values["tppcd_core_auth_state"] = counts

    def attempt(self, name: str, result: str) -> None:
        """An upstream attempt with a credential of provider ``name`` ended: ``ok`` or an error kind."""
        self._add("tppcd_credential_attempts_total", self._shown(name), result)

    def request_started(self) -> None:
        self._in_flight += 1

    def request_finished(
        self,
        entry: str,
        provider: str,
        status: int,
        first_event_s: float | None,
        total_s: float,
        usage: TokenCounts | None = None,
        *,
        model: str = "",
    ) -> None:
        """A request that was ``request_started`` ended, however it ended. ``model`` is the one served."""
        self._in_flight -= 1
        provider = self._shown(provider)
        self._requests[entry, provider, status] = self._requests.get((entry, provider, status), 0) + 1
        series = (entry, provider)
        if series not in self._duration:
            self._duration[series] = Distribution(DURATION_BUCKETS)
            self._first_event[series] = Distribution(FIRST_EVENT_BUCKETS)
        self._duration[series].observe(total_s)
        if first_event_s is not None:
            self._first_event[series].observe(first_event_s)
        if usage is not None:
            self._count_tokens(provider, model, usage)

    def request_failed(self, entry: str, cause: str) -> None:
        """A request ended with another status than 200; ``cause`` is ``failure_cause.cause_of`` its error."""
        self._add("tppcd_request_failures_total", entry, cause)

    def lost(self, field: str, n: int = 1) -> None:
        """``field`` was lost in translation (``top_k``, ``messages[3].cache_control``); indexes are dropped."""
        name = INDEX.sub("[]", field)
        known = self._values["tppcd_lost_total"]
        self._add("tppcd_lost_total", name if (name,) in known or len(known) < MOST_FIELDS else OTHER, n=n)

    def events_skipped(self, provider: str, n: int) -> None:
        """``n`` events of one answer of this provider could not be read."""
        if n:
            self._add("tppcd_events_skipped_total", self._shown(provider), n=n)

    def upstream_cancelled(self) -> None:
        """An upstream request was ended because its client disconnected."""
        self._add("tppcd_upstream_cancelled_total")

    def log_lines_dropped(self, total: int) -> None:
        """How many lines the log has lost since the start; set before each exposition."""
        self._set("tppcd_log_lines_dropped_total", total)

    def _count_tokens(self, provider: str, model: str, usage: TokenCounts) -> None:
        model = OTHER if provider == OTHER else self._models.label(provider, model)
        tokens = self._tokens
        for kind, count in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cached", usage.cached_tokens),
            ("cache_write", usage.cache_write_tokens),
            ("reasoning", usage.reasoning_tokens),
        ):
            if count:
                tokens[provider, model, kind] = tokens.get((provider, model, kind), 0) + count

    def _shown(self, provider: str) -> str:
        """``provider``, or ``other`` where it has been removed since."""
        return provider if self._providers is None or provider in self._providers else OTHER

    def _end_series(self, providers: frozenset[str]) -> None:
        """Those of all other providers."""
        for metric in TABLE:
            series: dict[Labels, Any] = self._distributions.get(metric.name) or self._values.get(metric.name, {})
            for at in [metric.labels.index(label) for label in OF_A_PROVIDER if label in metric.labels]:
                for labels in [each for each in series if each[at] not in providers]:
                    del series[labels]

    def _set(self, name: str, value: float) -> None:
        self._values[name][()] = value

    def _add(self, name: str, *labels: str, n: int = 1) -> None:
        series = self._values[name]
        series[labels] = series.get(labels, 0) + n

    def _family(self, metric: Metric) -> prometheus.Metric:
        if metric.kind == "histogram":
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, distribution in self._distributions[metric.name].items():
                histogram.add_metric([*map(str, labels)], distribution.cumulative(), distribution.sum)
            return histogram
        make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = make(metric.name, metric.help, labels=metric.labels)
        for labels, value in self._values[metric.name].items():
            family.add_metric([*map(str, labels)], value)
        return family
