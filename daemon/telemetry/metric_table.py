"""The table of the daemon's Prometheus metrics: what each one is called, counts and means."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]

FIRST_EVENT_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds. 2 is there to be read exactly: the goal is that 95 of 100 answers begin within it."""
DURATION_BUCKETS: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
TOKEN_TIME_BUCKETS: Final = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Seconds: from 400 tokens a second to 1."""
SPEED_BUCKETS: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0)
LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metric(Struct, frozen=True):
    """One row of the table: the exposed name, what it is, its help text, and its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


TABLE: Final = (
    Metric("tppcd_build_info", "gauge", "Always 1; the labels say what is running.", ("version", "python")),
    Metric("tppcd_start_time_seconds", "gauge", "Unix time at which the daemon started."),
    Metric(
        "tppcd_first_answer_timestamp_seconds",
        "gauge",
        "Unix time of the first answer to a client since the start; absent before it.",
    ),
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
    Metric(
        "tppcd_degraded",
        "gauge",
        "1 while what is served is not what the configuration says, as /healthz reports, else 0.",
    ),
    Metric(
        "tppcd_config_diagnostics",
        "gauge",
        "Errors and warnings of the last reload, as /healthz lists them.",
        ("severity",),
    ),
    Metric(
        "tppcd_config_file_events_total",
        "counter",
        "Events of the file watch. It stays where it is while files are saved: only the regular look finds changes.",
    ),
    Metric(
        "tppcd_config_file_last_event_timestamp_seconds",
        "gauge",
        "Unix time of the last event of the file watch; absent before the first.",
    ),
    Metric(
        "tppcd_config_file_last_look_timestamp_seconds",
        "gauge",
        "Unix time at which config.yaml, and the files that it names, were last looked at for changes.",
    ),
    Metric("tppcd_providers", "gauge", "Enabled providers of the current snapshot."),
    Metric(
        "tppcd_providers_by_state",
        "gauge",
        "Providers of the current snapshot by kind (packycode, tppc, store) and state: enabled, disabled, or "
        "failed (its references cannot be read).",
        ("kind", "state"),
    ),
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
        "tppcd_core_auth_key_verified",
        "gauge",
        "1 if the upstream takes the key of a core auth, 0 if it refuses it; absent: it has not been asked, or "
        "has not said.",
        ("name", "auth"),
    ),
    Metric(
        "tppcd_credential_resolutions_total",
        "counter",
        "Credentials of enabled providers at each reading of the configuration, by kind of provider and result: "
        "resolved, or failed (a reference that cannot be read, a row that cannot be used).",
        ("kind", "result"),
    ),
    Metric(
        "tppcd_key_checks_total",
        "counter",
        "Answers of upstreams that were asked whether they take a key, by provider name and result: taken, "
        "refused or unknown.",
        ("name", "result"),
    ),
    Metric(
        "tppcd_rests_total",
        "counter",
        "Rests that have begun, by provider name and the class of the failure.",
        ("name", "reason"),
    ),
    Metric("tppcd_models_registered", "gauge", "Public model names of the current snapshot."),
    Metric(
        "tppcd_registrations_total",
        "counter",
        "Core auths at each new snapshot, and at each new list of models, by what that did to the models they "
        "register: registered, unregistered or unchanged.",
        ("action",),
    ),
    Metric(
        "tppcd_model_lists",
        "gauge",
        "Upstreams that are asked for their models, by the latest result: listed, unlisted, failing, or unknown "
        "(not yet asked).",
        ("state",),
    ),
    Metric(
        "tppcd_model_list_requests_total",
        "counter",
        "Questions to upstreams for their models, by provider name and result: listed, unlisted or failing.",
        ("name", "result"),
    ),
    Metric(
        "tppcd_credential_attempts_total",
        "counter",
        "Upstream attempts by provider name and result: ok or the class of the failure.",
        ("name", "result"),
    ),
    Metric(
        "tppcd_amendments_total",
        "counter",
        "Requests that were asked again, changed as the refusal of their upstream demands, by provider name and "
        "kind of change.",
        ("name", "amendment"),
    ),
    Metric(
        "tppcd_amendments_learned",
        "gauge",
        "Changes that are remembered and made from the start, by provider name and kind of change.",
        ("name", "amendment"),
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
        "tppcd_admission_requests",
        "gauge",
        "Requests that have a place under limits.concurrent-requests (running), or wait for one (waiting).",
        ("state",),
    ),
    Metric("tppcd_admission_limit", "gauge", "limits.concurrent-requests; absent: no limit."),
    Metric(
        "tppcd_admission_refused_total",
        "counter",
        "Requests refused with 429 because limits.concurrent-requests were running.",
    ),
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
        "tppcd_time_per_output_token_seconds",
        "histogram",
        "Seconds for each output token of a stream after its first event, one observation per stream.",
        ("entry", "provider"),
        TOKEN_TIME_BUCKETS,
    ),
    Metric(
        "tppcd_output_tokens_per_second",
        "histogram",
        "Output tokens of an answer by the seconds from the request to its end, one observation per answer, "
        "streamed or not.",
        ("entry", "provider"),
        SPEED_BUCKETS,
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
    Metric("tppcd_log_queue_lines", "gauge", "Log lines that wait to be written."),
    Metric("tppcd_client_connections", "gauge", "Open connections of clients, those of the admin socket too."),
    Metric("tppcd_client_connections_limit", "gauge", "Connections of clients over which more are refused."),
    Metric(
        "tppcd_upstream_connections",
        "gauge",
        "Open connections to upstreams: busy, or idle until their next use.",
        ("state",),
    ),
    Metric(
        "tppcd_answers_held_bytes",
        "gauge",
        "Bytes of answers that are in memory until they are complete, or until their turn.",
    ),
    Metric("tppcd_answers_held_limit_bytes", "gauge", "The most of them; an answer beyond that fails."),
    Metric(
        "tppcd_loop_lag_seconds",
        "histogram",
        "How late the event loop was for a timer, four times a second.",
        (),
        LAG_BUCKETS,
    ),
    Metric("tppcd_store_up", "gauge", "1 if the database of the provider store answers, else 0."),
    Metric(
        "tppcd_store_rows", "gauge", "Rows of the provider store as they were last read: usable, or failed.", ("state",)
    ),
)
