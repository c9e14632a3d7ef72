"""What the standard variables ask for."""

from __future__ import annotations

import re

import pytest

from daemon.telemetry.otel.settings import ExportTarget, Settings, read
from tests.harness import ROOT

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def ends(settings: Settings) -> tuple[str, str]:
    """(traces, metrics): where they go; '' for nowhere."""
    return (settings.traces.endpoint if settings.traces else "", settings.metrics.endpoint if settings.metrics else "")


T, M = "http://collector:4318/v1/traces", "http://collector:4318/v1/metrics"
LOCAL = "http://localhost:4318/v1/traces"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, ("", "")),
     (BASE, (T, M)),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, (T, M)),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://host/otlp"}, ("https://host/otlp/v1/traces", "https://host/otlp/v1/metrics")),
     ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:1/own"}, ("http://t:1/own", "")),
     (BASE | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://m:1/own"}, (T, "http://m:1/own")),
     (BASE | {"OTEL_SDK_DISABLED": "true"}, ("", "")), (BASE | {"OTEL_SDK_DISABLED": "True"}, ("", "")),
     (BASE | {"OTEL_SDK_DISABLED": "false"}, (T, M)),
     (BASE | {"OTEL_TRACES_EXPORTER": "none"}, ("", M)), (BASE | {"OTEL_METRICS_EXPORTER": "none"}, (T, "")),
     ({"OTEL_TRACES_EXPORTER": "otlp"}, (LOCAL, "")),
     ({"OTEL_TRACES_EXPORTER": " OTLP "}, (LOCAL, "")),
     ({"OTEL_TRACES_EXPORTER": ""}, ("", "")), ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, ("", "")),
     ({"OTEL_SERVICE_NAME": "x", "OTEL_RESOURCE_ATTRIBUTES": "a=b", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, ("", ""))],
)  # fmt: skip
def test_where_the_signals_go(environ: dict[str, str], expected: tuple[str, str]) -> None:
    """Off, unless an endpoint or an exporter is named; a signal's own variable beats the common one."""
    settings = read(environ)
    assert ends(settings) == expected
    assert settings.problems == ()


@pytest.mark.parametrize(
    ("environ", "name", "expected"),
    [({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL", ("", "")),
     ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL", ("", "")),
     ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", ("", M)),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT", ("", "")),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "OTEL_EXPORTER_OTLP_ENDPOINT", ("", "")),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host:port"}, "OTEL_EXPORTER_OTLP_ENDPOINT", ("", "")),
     ({"OTEL_TRACES_EXPORTER": "otlp,console"}, "OTEL_TRACES_EXPORTER", (T, M)),
     ({"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER", (T, "")),
     ({"OTEL_EXPORTER_OTLP_TIMEOUT": "ten"}, "OTEL_EXPORTER_OTLP_TIMEOUT", (T, M)),
     ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, "OTEL_EXPORTER_OTLP_TIMEOUT", (T, M)),
     ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"}, "OTEL_EXPORTER_OTLP_COMPRESSION", (T, M)),
     ({"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "OTEL_METRIC_EXPORT_INTERVAL", (T, M)),
     ({"OTEL_BSP_MAX_QUEUE_SIZE": "x"}, "OTEL_BSP_MAX_QUEUE_SIZE", (T, M)),
     ({"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", (T, M)),
     ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER", (T, M)),
     ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "OTEL_TRACES_SAMPLER_ARG", (T, M)),
     ({"OTEL_PROPAGATORS": "b3,tracecontext"}, "OTEL_PROPAGATORS", (T, M)),
     ({"OTEL_LOGS_EXPORTER": "otlp"}, "OTEL_LOGS_EXPORTER", (T, M)),
     ({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"},
      "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", (T, M)),
     ({"OTEL_EXPORTER_OTLP_HEADERS": "planted"}, "OTEL_EXPORTER_OTLP_HEADERS", (T, M)),
     ({"OTEL_EXPORTER_OTLP_HEADERS": "a=1,b%20c=planted"}, "OTEL_EXPORTER_OTLP_HEADERS", (T, M)),
     ({"OTEL_EXPORTER_OTLP_HEADERS": "a=planted%0Ab"}, "OTEL_EXPORTER_OTLP_HEADERS", (T, M))],
)  # fmt: skip
def test_what_cannot_be_honoured_is_one_sentence_that_names_the_variable(
    environ: dict[str, str], name: str, expected: tuple[str, str]
) -> None:
    """And nothing of a header's value."""
    settings = read(BASE | environ)
    first, *rest = settings.problems
    assert first.startswith(f"{name}: ")
    assert [each for each in rest if not each.startswith(f"{name}: ")] == []
    assert ends(settings) == expected
    assert "planted" not in repr(settings)


def test_every_option_of_an_exporter() -> None:
    environ = BASE | {
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20one%3D, x-tenant = a b ",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-own=1",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "100",
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "none",
    }
    settings = read(environ)
    assert settings.traces is not None and settings.metrics is not None
    assert revealed(settings.traces) == {"authorization": "Bearer one=", "x-tenant": "a b"}
    assert (settings.traces.timeout, settings.traces.compression) == (2.5, "gzip")
    assert revealed(settings.metrics) == {"x-own": "1"}
    assert (settings.metrics.timeout, settings.metrics.compression) == (0.1, "none")


def revealed(target: ExportTarget) -> dict[str, str]:
    return {name: value.reveal() for name, value in target.headers}


def test_how_spans_are_kept_and_metrics_are_timed() -> None:
    environ = BASE | {
        "OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_QUEUE_SIZE": "20", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
        "OTEL_METRIC_EXPORT_INTERVAL": "1500", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
    }  # fmt: skip
    settings = read(environ)
    batch = settings.batch
    assert (batch.delay, batch.queue, batch.size, settings.interval) == (0.01, 20, 5, 1.5)
    assert (settings.sampler, settings.sampled) == ("parentbased_traceidratio", 0.25)


@pytest.mark.parametrize(
    ("propagators", "passes"),
    [("", True), ("tracecontext,baggage", True), ("baggage, TraceContext", True), ("none", False), ("baggage", False)],
)
@pytest.mark.parametrize("disabled", ["", "true"])
def test_whether_a_trace_context_is_passed_on(propagators: str, passes: bool, disabled: str) -> None:
    """Propagators work also where the SDK is disabled, as the specification wants it."""
    settings = read({"OTEL_PROPAGATORS": propagators, "OTEL_SDK_DISABLED": disabled})
    assert (settings.passes, settings.problems) == (passes, ())


class Asked(dict[str, str]):
    """An environment that notes which variables are looked up."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(environ)
        self.names: set[str] = set()

    def get(self, key, default=None):
        self.names.add(key)
        return super().get(key, default)


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    environ = Asked(BASE | {"OTEL_TRACES_SAMPLER": "traceidratio"})
    read(environ)
    page = (ROOT / "docs/reference/opentelemetry.md").read_text("utf-8")
    wanted = {re.sub("OTLP_(TRACES|METRICS)_", "OTLP_\u2026_", name) for name in environ.names}
    assert len(wanted) > 15
    temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    wanted = wanted - {temporality.replace("METRICS", "\u2026")} | {temporality}
    assert [name for name in sorted(wanted) if f"`{name}`" not in page] == []


def test_the_endpoint_is_shown_without_what_may_be_secret() -> None:
    settings = read({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://user:planted@host:1/v1?key=planted"})
    assert settings.traces is not None
    assert settings.traces.shown == "https://host:1/v1"
