"""The daemon's Prometheus metrics: one table, one registry, and methods named after what happened.

Counting is adding to plain numbers, keyed by the label values; the library is used only at a
scrape (its own counters take a lock per step: 6 us for a finished request, this 2). What another part of the daemon
knows anyway is not counted twice: it is asked for it at each scrape (``ask_at_scrape``).
Everything runs on the event loop's thread. Labels that clients can influence (models, lost fields)
are bounded: what is beyond the bound is counted under ``other`` (``model_labels``). The series of a provider end with
it: at the snapshot without it they are deleted, and what its last requests add is counted under ``other``.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from time import monotonic, time
from typing import Any, Final

import prometheus_client as prometheus
from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from daemon import __version__
from daemon.telemetry.distribution import HISTOGRAMS, Distribution, RequestTimes
from daemon.telemetry.failure_cause import Cause
from daemon.telemetry.metric_table import LAG_BUCKETS, TABLE, Metric
from daemon.telemetry.model_labels import OTHER, ModelLabels, StandingOf
from daemon.telemetry.process_numbers import ProcessNumbers
from daemon.telemetry.usage import TokenCounts, UsageCounts, UsageRow

CONTENT_TYPE: Final = prometheus.CONTENT_TYPE_LATEST
AUTH_STATES: Final = ("ready", "cooling", "disabled", "failed")
OF_A_PROVIDER: Final = ("provider", "name")
"""Labels that hold a provider's name."""
ALWAYS_SHOWN: Final = ("duration", "first_event")
"""Histograms that every entry and provider has. Speeds are of answers alone: of ``provider=""`` there are none."""
INDEX: Final = re.compile(r"\[\d+\]")
MOST_FIELDS: Final = 128

Labels = tuple[str | int, ...]
Series = Mapping[Labels, float] | Mapping[tuple[str, ...], Distribution]
"""Of one metric: the values of its labels -> a number, or the distribution of a histogram."""
_FAMILIES: Final[Mapping[str, Any]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}
Numbers = float | Mapping[Labels, float] | None
"""Of a metric without labels its number, else one for each set of label values; None: there is none now."""


class AuthNumbers(Struct, frozen=True, kw_only=True):
    """How one core auth stands at a scrape. ``id`` is '' of a provider that failed, which has none; ``rests`` are the
    classes of the failures that it rests for; ``key_verified`` is 1 where the upstream takes the key. None: there is no
    such number."""

    id: str
    name: str
    state: str
    rests: tuple[str, ...] = ()
    running: int = 0
    waiting: int = 0
    limit: int | None = None
    headroom: float | None = None
    balance: float | None = None
    key_verified: int | None = None


OF_AN_AUTH: Final = {
    "tppcd_core_auth_requests_running": "running",
    "tppcd_core_auth_requests_waiting": "waiting",
    "tppcd_core_auth_concurrency_limit": "limit",
    "tppcd_core_auth_headroom_ratio": "headroom",
    "tppcd_core_auth_balance": "balance",
    "tppcd_core_auth_key_verified": "key_verified",
}
"""Gauge -> field of ``AuthNumbers``."""


class Metrics:
    """All numbers of one daemon, in a registry of their own (two daemons in one process do not mix)."""

    def __init__(self, *, version: str = __version__, clock: Callable[[], float] = monotonic) -> None:
        numbers = (metric for metric in TABLE if metric.kind != "histogram")
        self._values: dict[str, dict[Labels, float]] = {m.name: {} if m.labels else {(): 0} for m in numbers}
        self._asked: dict[str, Callable[[], Numbers]] = {}
        self._times: dict[tuple[str, str], RequestTimes] = {}  # by entry and provider
        self._lag = Distribution(LAG_BUCKETS)
        self.loop_was_late = self._lag.observe
        """By so many seconds."""
        self._first_answer = self._values["tppcd_first_answer_timestamp_seconds"] = {}
        self._requests = self._values["tppcd_requests_total"]
        self._attempts = self._values["tppcd_credential_attempts_total"]
        self._tokens = self._values["tppcd_tokens_total"]
        self._in_flight = 0
        self._providers: frozenset[str] | None = None  # before the first snapshot nothing is served
        self._models = ModelLabels()
        self.usage = UsageCounts(clock)
        self._values["tppcd_build_info"][version, platform.python_version()] = 1
        self._set("tppcd_start_time_seconds", time())
        self._values["tppcd_config_reloads_total"] = {("success",): 0, ("failure",): 0}
        self._registry = prometheus.CollectorRegistry()
        self._registry.register(self)
        self._process = ProcessNumbers()

    def ask_at_scrape(self, name: str, numbers: Callable[[], Numbers]) -> None:
        """``numbers`` gives those of the metric ``name`` at each scrape."""
        self._asked[name] = numbers

    def exposition(self) -> bytes:
        """The text format of ``GET /metrics`` (content type ``CONTENT_TYPE``)."""
        return prometheus.generate_latest(self._registry)

    def collect(self) -> Iterator[prometheus.Metric]:
        """Every row of the table with its numbers of now; the registry calls this at a scrape."""
        for metric, series in self.rows():
            yield _family(metric, series)

    def rows(self) -> Iterator[tuple[Metric, Series]]:
        """Every row of the table with its numbers of now, and those of the process."""
        self._set("tppcd_requests_in_flight", self._in_flight)
        for name, ask in self._asked.items():
            self._values[name] = _by_labels(ask())
        for metric in TABLE:
            is_histogram = metric.kind == "histogram"
            yield metric, dict(self._distributions(metric.name)) if is_histogram else self._values[metric.name]
        for metric, number in self._process.read():
            of_process: dict[Labels, float] = {(): number}
            yield metric, of_process

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
        registrations: Mapping[str, int],
    ) -> None:
        """A snapshot was applied. ``names`` are those of its providers, the disabled ones too, and ``known`` says how
        it knows a model; the series of all others end. ``registrations``: how many core auths it has registered,
        unregistered or left unchanged."""
        self._set("tppcd_config_generation", generation)
        self._set("tppcd_providers", providers)
        self._set("tppcd_core_auths", core_auths)
        self._set("tppcd_models_registered", models)
        for action, count in registrations.items():
            self._add("tppcd_registrations_total", action, n=count)
        own = frozenset(("", OTHER, *names))
        gone = self._models.follow(own, known)
        for labels in [each for each in self._tokens if each[:2] in gone]:
            del self._tokens[labels]
        self.usage.end(lambda provider, model: provider not in own or (provider, model) in gone)
        if own != self._providers:
            self._providers = own
            self._end_series(own)

    def auths(self, auths: Iterable[AuthNumbers]) -> None:
        """Every core auth as it is now; what is missing now disappears.

        Called before each exposition, since a cooldown ends by the clock and not by an event.
        """
        own = tuple(auths)
        states, rests = dict[Labels, float](), dict[Labels, float]()
        for auth in own:
            for known in AUTH_STATES:
                states.setdefault((auth.name, known), 0)
            states[auth.name, auth.state] += 1
            for reason in auth.rests:
                rests[auth.name, reason] = rests.get((auth.name, reason), 0) + 1
        self._values |= {"tppcd_core_auth_state": states, "tppcd_core_auth_rests": rests}
        for metric, field in OF_AN_AUTH.items():
            values = ((auth.name, auth.id, getattr(auth, field)) for auth in own if auth.id)
            self._values[metric] = {(name, auth_id): value for name, auth_id, value in values if value is not None}

    def rested(self, name: str, reason: str) -> None:
        """A core auth of provider ``name``, or a model of it, has begun to rest for a failure of this class."""
        self._add("tppcd_rests_total", self._shown(name), reason)

    def attempt(self, name: str, result: str) -> None:
        """An upstream attempt with a credential of provider ``name`` ended: ``ok`` or an error kind."""
        labels = (name if self._providers is None or name in self._providers else OTHER, result)
        self._attempts[labels] = self._attempts.get(labels, 0) + 1

    def amended(self, name: str, amendment: str) -> None:
        """A request is asked again at provider ``name``, with a change of this kind."""
        self._add("tppcd_amendments_total", self._shown(name), amendment)

    def credentials(self, counts: Mapping[tuple[str, str], int]) -> None:
        """A reading of the configuration has found so many credentials of a kind of provider, by kind and result."""
        for labels, count in counts.items():
            self._add("tppcd_credential_resolutions_total", *labels, n=count)

    def key_checked(self, name: str, result: str) -> None:
        """The upstream of provider ``name`` was asked whether it takes a key: taken, refused or unknown."""
        self._add("tppcd_key_checks_total", self._shown(name), result)

    def models_asked(self, name: str, result: str) -> None:
        """The upstream of provider ``name`` was asked for its models: listed, unlisted or failing."""
        self._add("tppcd_model_list_requests_total", self._shown(name), result)

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
        streamed: bool = False,
    ) -> None:
        """A request that was ``request_started`` ended, however it ended. ``model`` is the one served."""
        self._in_flight -= 1
        if self._providers is not None and provider not in self._providers:
            provider = OTHER
        labels = (entry, provider, status)
        self._requests[labels] = self._requests.get(labels, 0) + 1
        times = self._times.get((entry, provider))
        if times is None:
            times = self._times[entry, provider] = RequestTimes()
            for cause in Cause:  # from 0 on: Prometheus sees no rise in a series that begins with 1
                self._values["tppcd_request_failures_total"].setdefault((entry, cause), 0)
        if status == 200 and not self._first_answer and first_event_s is not None:
            self._first_answer[()] = time()
        times.ended(first_event_s, total_s, (usage.output_tokens or 0) if usage is not None else 0, streamed)
        model = self._model(provider, model, usage)
        self.usage.add(UsageRow(provider, model, entry), status, total_s, usage)
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

    def certificate(self, file: str, ends: float) -> None:
        """The listener shows the certificate of ``file`` from now on; it ends at this Unix time."""
        self._values["tppcd_tls_certificate_end_timestamp_seconds"][(file,)] = ends

    def upstream_cancelled(self) -> None:
        """An upstream request was ended because its client disconnected."""
        self._add("tppcd_upstream_cancelled_total")

    def model_label(self, provider: str, model: str, answered: bool) -> str:
        """How a model of a provider is called in metrics; ``answered``: a request has got an answer of it."""
        provider = self._shown(provider)
        if provider == OTHER:
            return OTHER
        return self._models.label(provider, model) if answered else self._models.known(provider, model)

    def _model(self, provider: str, model: str, usage: TokenCounts | None) -> str:
        """The label of a model. One that has answered nothing, and that nobody has named, takes no room."""
        if provider == OTHER or not provider:
            return OTHER if provider or model else ""
        return self._models.known(provider, model) if usage is None else self._models.label(provider, model)

    def _count_tokens(self, provider: str, model: str, usage: TokenCounts) -> None:
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
        for entry, provider in [each for each in self._times if each[1] not in providers]:
            del self._times[entry, provider]
        for metric in TABLE:
            series: dict[Labels, Any] = self._values.get(metric.name, {})
            for at in [metric.labels.index(label) for label in OF_A_PROVIDER if label in metric.labels]:
                for labels in [each for each in series if each[at] not in providers]:
                    del series[labels]

    def _set(self, name: str, value: float) -> None:
        self._values[name][()] = value

    def _add(self, name: str, *labels: str, n: int = 1) -> None:
        series = self._values[name]
        series[labels] = series.get(labels, 0) + n

    def _distributions(self, name: str) -> Iterator[tuple[tuple[str, ...], Distribution]]:
        if (field := HISTOGRAMS.get(name)) is None:
            yield (), self._lag
            return
        for at, times in self._times.items():
            distribution = getattr(times, field)
            if field in ALWAYS_SHOWN or any(distribution.counts):
                yield at, distribution


def _family(metric: Metric, series: Series) -> prometheus.Metric:
    family: Any = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
    for labels, value in series.items():
        values = [*map(str, labels)]
        if isinstance(value, Distribution):
            family.add_metric(values, value.cumulative(), value.sum)
        else:
            family.add_metric(values, value)
    made: prometheus.Metric = family
    return made


def _by_labels(numbers: Numbers) -> dict[Labels, float]:
    if numbers is None:
        return {}
    return dict(numbers) if isinstance(numbers, Mapping) else {(): numbers}
