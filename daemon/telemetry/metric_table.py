"""The table of the daemon's Prometheus metrics: what each one is called, counts and means."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]

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
    Metric(
        "tppcd_tls_certificate_end_timestamp_seconds",
        "gauge",
        "Unix time at which the certificate of the listener ends, by its file; absent without tls.",
        ("file",),
    ),
    Metric("tppcd_providers", "gauge", "Enabled providers of the current snapshot."),
    Metric("tppcd_core_auths", "gauge", "Core auths of the current snapshot."),
    Metric(
        "tppcd_core_auth_state",
        "gauge",
        "Core auths of a provider in a state: ready, cooling, disabled, or failed (its references cannot be read).",
        ("name", "state"),
    ),
    Metric(
        "tppcd_core_auth_rests",
        "gauge",
        "Rests of a provider's core auths and of their models that last now, by the class of the failure.",
        ("name", "reason"),
    ),
    Metric(
        "tppcd_core_auth_requests_running",
        "gauge",
        "Requests that a core auth has now.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_core_auth_requests_waiting",
        "gauge",
        "Requests that wait for a place at a core auth; one that waits for several counts at each.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_core_auth_concurrency_limit",
        "gauge",
        "Requests at once that a core auth takes, configured or learned from its refusals; absent: no limit.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_core_auth_headroom_ratio",
        "gauge",
        "The part of its limits that a core auth has left, 0 to 1, by its latest answers; absent: it does not say.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_core_auth_balance",
        "gauge",
        "What balance-url says is left, in the upstream's own unit; absent: not asked, or no number yet.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_rests_total",
        "counter",
        "Rests that have begun, by provider name and the class of the failure.",
        ("name", "reason"),
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
