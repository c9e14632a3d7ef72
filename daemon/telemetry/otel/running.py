"""OpenTelemetry while it is on: begun before anything is served, ended after the last request.

Nothing here waits for the collector. Spans are handed over by the SDK's thread, metrics by one of our own, which the
event loop gives the numbers: only there can they be read without a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty, Queue
from typing import Final

from loguru import logger
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from daemon import __version__
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel.collector import MetricsToCollector, Reachability, SpansToCollector, quiet
from daemon.telemetry.otel.inference_numbers import InferenceNumbers
from daemon.telemetry.otel.metric_data import MetricData
from daemon.telemetry.otel.settings import Settings
from daemon.telemetry.otel.tracing import SpanExport, Tracing, empty_tracer

STOP_SECONDS: Final = 2.0
"""How long a stop waits for the collector, whatever is still to be sent."""

Numbers = Callable[[], Metrics]
"""Gives the daemon's metrics with the numbers of now."""


class OpenTelemetry:
    """Of one daemon, on its event loop. ``routes``: the path of each entry; ``scheme``: how clients reach it."""

    def __init__(
        self, settings: Settings, routes: Mapping[str, str], metrics: Metrics, numbers: Numbers, *, scheme: str = "http"
    ) -> None:
        resource = resource_of_this_process()
        traces, to = None, settings.traces
        reachability = None if to is None else Reachability("traces", to)
        quiet(reachability)
        if to is not None and reachability is not None:
            traces = SpanExport(settings, resource, SpansToCollector(to, reachability))
        counts = None if settings.metrics is None else InferenceNumbers(metrics.model_label)
        self._traces = traces
        self._metrics: MetricExport | None = None
        if settings.metrics is not None and counts is not None:
            exporter = MetricsToCollector(settings.metrics, Reachability("metrics", settings.metrics))
            data = MetricData(resource, time.time_ns())
            self._metrics = MetricExport(
                exporter, lambda: data.of(numbers().rows(), counts, time.time_ns()), settings.interval
            )
        tracer = empty_tracer() if traces is None else traces.tracer
        self.tracing = Tracing(tracer, routes, passes=settings.passes, numbers=counts, scheme=scheme)

    async def run(self) -> None:
        """Export metrics from time to time, for ever."""
        if self._metrics is None:
            await asyncio.Event().wait()
        else:
            await self._metrics.run()

    async def stop(self) -> None:
        """Export what is left, for ``STOP_SECONDS`` at most."""
        loop, parts = asyncio.get_running_loop(), [part for part in (self._traces, self._metrics) if part is not None]
        ended = [asyncio.Event() for _ in parts]
        for part, event in zip(parts, ended, strict=True):
            part.stop(partial(_call, loop, event.set))
        try:
            async with asyncio.timeout(STOP_SECONDS):
                for event in ended:
                    await event.wait()
        except TimeoutError:
            logger.warning(
                "OpenTelemetry: the collector takes too long, so the last spans and metrics are not exported"
            )
            for part in parts:
                part.give_up()


class MetricExport:
    """Collects on the event loop, exports on a thread. An export that is still running when the next one is due makes
    that one wait for its turn: the counts are cumulative, so nothing is lost by it."""

    def __init__(self, exporter: MetricsToCollector, collect: Callable[[], MetricsData], interval: float) -> None:
        self._exporter, self._collect, self._interval = exporter, collect, interval
        self._queue: Queue[MetricsData | Callable[[], None]] = Queue(maxsize=2)
        self._thread = threading.Thread(target=self._send, name="otel-metrics", daemon=True)
        self._thread.start()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if self._queue.empty():
                self._queue.put_nowait(self._collect())

    def stop(self, done: Callable[[], None]) -> None:
        """Export once more; ``done`` is called on another thread when that is over."""
        with contextlib.suppress(Empty):
            self._queue.get_nowait()  # what still waits for the thread: the last numbers have all of it
        self._queue.put_nowait(self._collect())
        self._queue.put_nowait(done)

    def give_up(self) -> None:
        """The collector takes too long for it."""
        self._exporter.shutdown()

    def _send(self) -> None:
        while True:
            each = self._queue.get()
            if callable(each):
                each()
                return
            self._exporter.export(each)


def resource_of_this_process() -> Resource:
    """Who sends: what ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME`` say, and where they say nothing, tppcd."""
    said = OTELResourceDetector().detect().attributes
    own = {"service.name": "tppcd", "service.version": __version__, "service.instance.id": str(uuid.uuid4())}
    return Resource.create({name: value for name, value in own.items() if name not in said})


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    """On the loop, unless that has ended meanwhile."""
    with contextlib.suppress(RuntimeError):  # closed
        loop.call_soon_threadsafe(what)
