"""A collector for tests: takes OTLP over HTTP on loopback and decodes it with the official protobuf messages."""

from __future__ import annotations

import contextlib
import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.harness import wait_for

UNPACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}


class Span:
    """A span as a test reads it: IDs are hex, attributes a dictionary."""

    def __init__(self, message: Any) -> None:
        self.name: str = message.name
        self.kind = int(message.kind)
        self.trace_id: str = message.trace_id.hex()
        self.id: str = message.span_id.hex()
        self.parent: str = message.parent_span_id.hex()
        self.attributes = plain(message.attributes)
        self.events: list[str] = [event.name for event in message.events]
        self.failed: bool = message.status.code == 2
        self.begun, self.ended = message.start_time_unix_nano, message.end_time_unix_nano


class Collector:
    """What has been received. ``status`` is what it answers with; while ``held`` is set it answers nothing."""

    def __init__(self) -> None:
        self.status = 200
        self.held = threading.Event()
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def traces(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if path == "/v1/traces"]

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order in which they came."""
        return [
            Span(span)
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [plain(each.resource.attributes) for request in self.traces for each in request.resource_spans]

    @property
    def metrics(self) -> dict[str, Any]:
        """Name -> the metric, of the latest export."""
        exports = [body for path, body in self.bodies if path == "/v1/metrics"]
        request = ExportMetricsServiceRequest.FromString(exports[-1]) if exports else ExportMetricsServiceRequest()
        scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}


SERVER, CLIENT = 2, 3


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """One on a free port."""
    seen = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.headers.append({name.lower(): value for name, value in self.headers.items()})
            if seen.held.is_set():
                wait_for(lambda: not seen.held.is_set(), "the collector to be let go")
            if seen.status == 200:
                seen.bodies.append((self.path, UNPACKED[self.headers.get("content-encoding", "")](body)))
            with contextlib.suppress(OSError):
                self.send_response(seen.status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.held.clear()
        server.shutdown()
        server.server_close()
        thread.join()


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as Python values."""
    return {each.key: _value(each.value) for each in attributes if isinstance(each, KeyValue)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, str(kind))
