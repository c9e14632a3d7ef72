"""The way to the collector: the official exporters, and one log line when it stops or starts taking what is sent.

Everything here runs on the exporters' threads. They ask again after a refusal, for as long as the timeout lasts, and
drop what has not been taken by then.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from time import monotonic
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import requests
from loguru import logger
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from daemon.telemetry.otel.settings import GRPC_PORT, ExportTarget, Signal

PAUSE: Final = 60.0
"""Seconds between two warnings about one signal, however often the collector changes its mind."""


class NotedSession(requests.Session):
    """Remembers why the latest request was not taken; '' where it was."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.why = ""
        parts = urlsplit(endpoint)  # without ``auth``, a .netrc would take the place of what is asked for
        self.auth = _unchanged if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))

    def request(self, *args: Any, **options: Any) -> requests.Response:
        options["verify"] = self.verify  # else REQUESTS_CA_BUNDLE takes the place of a certificate that is asked for
        try:
            response = super().request(*args, **options)
        except Exception as error:
            self.why = words_of(error)
            raise
        self.why = "" if response.status_code < 300 else f"it answers with HTTP {response.status_code}"
        return response


def words_of(error: BaseException) -> str:
    """Why no answer came, without an address or a header in it."""
    for each in _causes(error):
        if isinstance(each, requests.exceptions.SSLError):
            return "its certificate, or its TLS handshake, is not accepted"
        if isinstance(each, requests.exceptions.ProxyError):
            return "the proxy does not connect"
        if isinstance(each, requests.exceptions.Timeout | TimeoutError):
            return "it does not answer in time"
        if isinstance(each, socket.gaierror):
            return "its name does not resolve"
        if isinstance(each, HTTPException):
            return "it closes the connection, or does not answer with HTTP"
        if type(each) is OSError and each.errno is None:  # requests' own, about a path
            return "a file of OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_KEY or _CLIENT_CERTIFICATE cannot be read"
        if isinstance(each, OSError) and not isinstance(each, requests.RequestException) and each.strerror:
            return each.strerror[:1].lower() + each.strerror[1:]
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it wraps, and what caused it; urllib3 keeps that in ``reason``."""
    todo: list[object] = [error]
    seen = 0
    while todo and seen < 20:
        each = todo.pop(0)
        if isinstance(each, BaseException):
            seen += 1
            yield each
            todo += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Reachability:
    """Of one signal. Used on the thread that exports it, and by ``dropped`` on the event loop."""

    def __init__(self, signal: Signal, target: ExportTarget, clock: Callable[[], float] = monotonic) -> None:
        self._signal, self._target, self._clock = signal, target, clock
        self._failing = False
        self._reported: float | None = None
        self._lost = 0

    def taken(self) -> None:
        """The collector has taken what was sent."""
        if self._failing:
            lost, self._lost, self._failing = self._lost, 0, False
            logger.bind(endpoint=self._target.shown, dropped=lost).info(
                f"OpenTelemetry: the collector takes {self._signal} again"
            )

    def refused(self, why: str, lost: int) -> None:
        """It has not, for ``why``; ``lost`` are the spans, or the exports of metrics, that are dropped for that."""
        self._lost += lost
        if self._may_report():
            self._failing = True
            hint = f" ({GRPC_PORT} is usually its port for gRPC, that for HTTP is 4318)" if self._is_grpc_port else ""
            timeout = f" ({self._target.timeout:g} s)" if "in time" in why else ""
            logger.bind(endpoint=self._target.shown).warning(
                f"OpenTelemetry: the collector does not take {self._signal}: {why}{timeout}{hint}; "
                "they are dropped until it does"
            )

    def dropped(self) -> None:
        """A span had no place in the queue."""
        self.refused("it is slower than the requests", 1)

    @property
    def _is_grpc_port(self) -> bool:
        return f":{GRPC_PORT}/" in f"{self._target.shown}/"

    def _may_report(self) -> bool:
        if self._failing:
            return False
        now = self._clock()
        if self._reported is not None and now - self._reported < PAUSE:
            return False
        self._reported = now
        return True


class SpansToCollector(SpanExporter):
    """The official exporter of spans, with its failures in our words."""

    def __init__(self, target: ExportTarget, reachability: Reachability) -> None:
        self._session = NotedSession(target.endpoint)
        self._exporter = OTLPSpanExporter(session=self._session, **_options(target))
        self._reachability = reachability

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        _note(self._reachability, self._session, result is SpanExportResult.SUCCESS, len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class MetricsToCollector:
    """The same for metrics."""

    def __init__(self, target: ExportTarget, reachability: Reachability) -> None:
        self._session = NotedSession(target.endpoint)
        self._exporter = OTLPMetricExporter(session=self._session, **_options(target))
        self._reachability = reachability

    def export(self, metrics: MetricsData) -> None:
        result = MetricExportResult.FAILURE
        with contextlib.suppress(Exception):  # its thread goes on
            result = self._exporter.export(metrics)
        _note(self._reachability, self._session, result is MetricExportResult.SUCCESS, 1)

    def shutdown(self) -> None:
        self._exporter.shutdown()


def quiet(reachability: Reachability | None) -> None:
    """What the SDK and its HTTP library would log themselves stays out of the log: it may quote a header or an address,
    and repeats itself. A span without a place is noted."""
    handler = _Quiet(reachability)
    for name in ("opentelemetry", "urllib3"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False


class _Quiet(logging.Handler):
    def __init__(self, reachability: Reachability | None) -> None:
        super().__init__()
        self._reachability = reachability

    def emit(self, record: logging.LogRecord) -> None:
        if self._reachability is not None and isinstance(record.msg, str) and record.msg.startswith("Queue full"):
            self._reachability.dropped()


def _options(target: ExportTarget) -> dict[str, Any]:
    return {
        "endpoint": target.endpoint,
        "headers": {name: value.reveal() for name, value in target.headers},
        "timeout": target.timeout,
        "compression": Compression(target.compression),
    }


def _note(reachability: Reachability, session: NotedSession, taken: bool, lost: int) -> None:
    if taken and not session.why:
        reachability.taken()
    else:
        reachability.refused(session.why or "the batch could not be written", lost)
