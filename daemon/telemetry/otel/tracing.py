"""Begins the trace of each request, and keeps the spans that wait for their export."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from daemon import __version__
from daemon.telemetry.line_limit import LineLimit
from daemon.telemetry.otel.collector import SpansToCollector
from daemon.telemetry.otel.inference_numbers import InferenceNumbers
from daemon.telemetry.otel.names import SCOPE, Name
from daemon.telemetry.otel.request_trace import RequestTrace, Value
from daemon.telemetry.otel.settings import Settings

METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
OTHER_METHOD: Final = "_OTHER"


class Tracing:
    """One per daemon, on its event loop. ``routes``: the path of each entry."""

    def __init__(
        self,
        tracer: Tracer,
        routes: Mapping[str, str],
        *,
        passes: bool,
        numbers: InferenceNumbers | None,
        scheme: str = "http",
    ) -> None:
        self._tracer, self._routes, self._numbers, self._scheme = tracer, routes, numbers, scheme
        self._propagator = TraceContextTextMapPropagator() if passes else None
        self._strangers = LineLimit()

    def request(
        self,
        entry: str,
        started: float,
        client: Mapping[str, str],
        *,
        request_id: str,
        model: str,
        method: str = "POST",
    ) -> RequestTrace:
        """A request has begun. ``started`` is ``time.monotonic`` seconds; ``client`` are its headers, of which only the
        trace context is read, as ``trace_context.keep_valid`` leaves it."""
        method = method if method in METHODS else OTHER_METHOD
        route = self._routes.get(entry, "")
        attributes: dict[str, Value] = {
            Name.METHOD: method,
            Name.ROUTE: route,
            Name.PATH: route,
            Name.SCHEME: self._scheme,
            Name.REQUEST_ID: request_id,
            Name.ENTRY: entry,
            Name.ASKED_MODEL: model,
        }
        span = self._tracer.start_span(
            f"{method.replace(OTHER_METHOD, 'HTTP')} {route}".rstrip(),
            context=Context() if self._propagator is None else self._propagator.extract(client, Context()),
            kind=SpanKind.SERVER,
            attributes={name: value for name, value in attributes.items() if value},
            start_time=time.time_ns() - int((monotonic() - started) * 1e9),
        )
        return RequestTrace(span, self._tracer, started, propagator=self._propagator, numbers=self._numbers)

    def may_begin(self, *, admitted: bool) -> bool:
        """Whether a request that is over gets a trace: those without a key are few, so that strangers do not fill the
        queue."""
        return admitted or self._strangers.takes(monotonic())


class SpanExport:
    """The SDK's part of it: which traces are kept, and the queue of finished spans with its thread."""

    def __init__(self, settings: Settings, resource: Resource, exporter: SpansToCollector) -> None:
        self._exporter = exporter
        self._provider = TracerProvider(
            sampler=sampler_of(settings.sampler, settings.sampled), resource=resource, shutdown_on_exit=False
        )
        batch = settings.batch
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=batch.queue,
                schedule_delay_millis=batch.delay * 1000,
                max_export_batch_size=batch.size,
            )
        )

    @property
    def tracer(self) -> Tracer:
        return self._provider.get_tracer(SCOPE, __version__)

    def stop(self, done: Callable[[], None]) -> None:
        """Export what waits; ``done`` is called on another thread when that is over."""

        def last() -> None:
            self._provider.shutdown()
            done()

        threading.Thread(target=last, name="otel-last-spans", daemon=True).start()

    def give_up(self) -> None:
        """The collector takes too long for it."""
        self._exporter.shutdown()


def empty_tracer() -> Tracer:
    """For where only metrics are exported."""
    return trace.NoOpTracer()


def sampler_of(name: str, ratio: float) -> sampling.Sampler:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names."""
    roots: dict[str, sampling.Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(ratio),
    }
    root = roots[name.removeprefix("parentbased_")]
    return sampling.ParentBased(root) if name.startswith("parentbased_") else root
