"""Log lines, metrics and events; all of it bounded, none of it with a secret.

    logs      loguru's one configuration: log_sink (bounded, never blocks) ─ log_lines (text, JSON; known
              secrets masked) ─ log_outputs (stream, file), journal (fields for
              journald); tracebacks without data;
              log_ring keeps the newest records for `tppcd logs`; request_sentence is the line of a request for
              people, local_time and colour are how all commands show moments and states
    metrics   counters, gauges and histograms; the Prometheus text
    otel      traces and the same metrics over OTLP, where an `OTEL_*` variable asks for them; trace_context
              is what of a client's `traceparent` counts
    audit     numbered events in a ring and on disk: reloads, change summaries, auth state changes

Callers never wait: a stuck terminal or a slow follower loses lines, which are counted and reported.
"""
