"""OpenTelemetry: traces and metrics over OTLP/HTTP, as the standard ``OTEL_*`` variables say.

    environ ─ settings ─▶ start ─┬─▶ Tracing ─ RequestTrace ─ BatchSpanProcessor ─┐
                                 └─▶ MetricExport ─ metric_data ──────────────────┴─▶ exporters, on threads of their own

Without one of these variables only ``settings``, ``facts`` and ``names`` are loaded, which import nothing of the SDK.
The last has every name that leaves the daemon, and the version of the conventions. The content of a request or an
answer never does, nor does a key, nor the value of a header. A collector that is down or slow costs no request
anything: what it does not take is dropped, and one line reports it.
"""
