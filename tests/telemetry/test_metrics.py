"""The metrics: names and types as the table says, numbers as what happened, bounded labels."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from daemon.inference.response import Usage
from daemon.telemetry.log_lines import Record
from daemon.telemetry.log_sink import LogSink, Writer
from daemon.telemetry.metric_table import TABLE
from daemon.telemetry.metrics import MOST_FIELDS, AuthNumbers, Labels, Metrics
from daemon.telemetry.model_labels import MOST_DISCOVERED, MOST_MODELS, Standing
from daemon.telemetry.process_numbers import PROCESS_TABLE, STARTED, ProcessNumbers

FOUR = [("f1", "fox", "ready"), ("f2", "fox", "cooling"), ("w", "wolf", "ready")]


def samples_of(text: str) -> Iterator[Sample]:
    """Of a scrape."""
    for family in text_string_to_metric_families(text):
        yield from family.samples


def samples(metrics: Metrics) -> dict[str, float]:
    """``name{label="value",…}`` -> value of everything exposed."""
    found: dict[str, float] = {}
    for sample in samples_of(metrics.exposition().decode()):
        labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
        found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


REGISTRATIONS = {"registered": 2, "unregistered": 1, "unchanged": 0}
KNOWN: dict[str, Standing] = {"gpt-5": "registered", "gpt-5-mini": "registered"}


def applied(metrics: Metrics, *names: str, known: dict[str, Standing] = KNOWN) -> None:
    """A snapshot with these providers, each of which has the models ``known``; ``listed-…`` are discovered."""

    def standing(_provider: str, model: str) -> Standing:
        return known.get(model) or ("discovered" if model.startswith("listed-") else "")

    metrics.snapshot(
        generation=7, providers=2, core_auths=3, models=11, names=names, known=standing, registrations=REGISTRATIONS
    )


def used(metrics: Metrics, provider: str, model: str, times: int = 1) -> None:
    """Requests that touch every kind of series."""
    for _ in range(times):
        metrics.attempt(provider, "ok")
        metrics.rested(provider, "api")
        metrics.events_skipped(provider, 1)
        metrics.request_finished(
            "messages", provider, 200, 0.1, 0.1, Usage(input_tokens=1, output_tokens=2), model=model
        )


def tokens(metrics: Metrics, provider: str, model: str) -> float | None:
    return samples(metrics).get(f'tppcd_tokens_total{{kind="input",model="{model}",provider="{provider}"}}')


def test_every_row_is_exposed_with_its_type() -> None:
    types = {}
    for line in Metrics().exposition().decode().splitlines():
        if line.startswith("# TYPE tppcd_"):
            _, _, name, kind = line.split(" ")
            types[name] = kind
    assert types == {metric.name: metric.kind for metric in TABLE}


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    metrics = Metrics()
    metrics.reload(ok=True, at=1000.5)
    metrics.reload(ok=False, at=2000.0)
    shown = samples(metrics)
    assert shown["tppcd_config_last_reload_successful"] == 0
    assert shown["tppcd_config_last_reload_success_timestamp_seconds"] == 1000.5
    assert shown['tppcd_config_reloads_total{result="success"}'] == 1
    assert shown['tppcd_config_reloads_total{result="failure"}'] == 1


def test_a_snapshot_sets_its_gauges() -> None:
    metrics = Metrics()
    applied(metrics)
    shown = samples(metrics)
    names = ("config_generation", "providers", "core_auths", "models_registered")
    assert [shown[f"tppcd_{name}"] for name in names] == [7, 2, 3, 11]


def test_auth_states_count_by_name_and_forget_the_removed() -> None:
    metrics = Metrics()
    metrics.auths(AuthNumbers(id=id, name=name, state=state) for id, name, state in FOUR)
    assert samples(metrics)['tppcd_core_auth_state{name="fox",state="cooling"}'] == 1
    metrics.auths([AuthNumbers(id="w", name="wolf", state="cooling")])
    shown = {key: value for key, value in samples(metrics).items() if key.startswith("tppcd_core_auth_state")}
    assert shown == {
        'tppcd_core_auth_state{name="wolf",state="ready"}': 0,
        'tppcd_core_auth_state{name="wolf",state="cooling"}': 1,
        'tppcd_core_auth_state{name="wolf",state="disabled"}': 0,
        'tppcd_core_auth_state{name="wolf",state="failed"}': 0,
    }


def test_the_numbers_of_a_core_auth_are_gauges_that_end_with_it() -> None:
    metrics = Metrics()
    full = AuthNumbers(
        id="f1",
        name="fox",
        state="cooling",
        rests=("quota", "rate_limit", "rate_limit"),
        running=3,
        waiting=2,
        limit=3,
        headroom=0.25,
        balance=-1.5,
        key_verified=0,
    )
    silent = AuthNumbers(id="f2", name="fox", state="ready")
    metrics.auths([full, silent, AuthNumbers(id="", name="owl", state="failed")])
    shown = samples(metrics)
    assert {key.removeprefix("tppcd_core_auth_"): value for key, value in shown.items() if 'auth="' in key} == {
        'requests_running{auth="f1",name="fox"}': 3,
        'requests_running{auth="f2",name="fox"}': 0,
        'requests_waiting{auth="f1",name="fox"}': 2,
        'requests_waiting{auth="f2",name="fox"}': 0,
        'concurrency_limit{auth="f1",name="fox"}': 3,
        'headroom_ratio{auth="f1",name="fox"}': 0.25,
        'balance{auth="f1",name="fox"}': -1.5,
        'key_verified{auth="f1",name="fox"}': 0,
    }
    assert shown['tppcd_core_auth_rests{name="fox",reason="rate_limit"}'] == 2
    assert shown['tppcd_core_auth_rests{name="fox",reason="quota"}'] == 1
    assert shown['tppcd_core_auth_state{name="owl",state="failed"}'] == 1
    metrics.auths([silent])
    assert not [key for key in samples(metrics) if '"f1"' in key or "owl" in key or "core_auth_rests{" in key]


def test_a_finished_request_is_counted_timed_and_its_tokens_added() -> None:
    metrics = Metrics(version="9.9")
    metrics.request_started()
    metrics.request_started()
    usage = Usage(input_tokens=100, output_tokens=20, cached_tokens=60, reasoning_tokens=5)
    metrics.request_finished("messages", "fox", 200, 0.3, 3.0, usage, model="gpt-5")
    shown = samples(metrics)
    series = 'entry="messages",provider="fox"'
    assert shown[f'tppcd_requests_total{{{series},status="200"}}'] == 1
    assert shown["tppcd_requests_in_flight"] == 1
    assert shown['tppcd_request_first_event_seconds_bucket{entry="messages",le="0.25",provider="fox"}'] == 0
    assert shown['tppcd_request_first_event_seconds_bucket{entry="messages",le="0.5",provider="fox"}'] == 1
    assert shown[f"tppcd_request_duration_seconds_sum{{{series}}}"] == 3.0
    assert shown[f"tppcd_request_duration_seconds_count{{{series}}}"] == 1
    tokens = {kind: shown.get(f'tppcd_tokens_total{{kind="{kind}",model="gpt-5",provider="fox"}}') for kind in KINDS}
    assert tokens == {"input": 100, "output": 20, "cached": 60, "cache_write": None, "reasoning": 5}


KINDS = ("input", "output", "cached", "cache_write", "reasoning")


def test_a_request_that_failed_before_any_event_has_a_duration_alone() -> None:
    metrics = Metrics()
    metrics.request_started()
    metrics.request_finished("responses", "", 401, None, 0.001)
    shown = samples(metrics)
    assert shown['tppcd_request_first_event_seconds_count{entry="responses",provider=""}'] == 0
    assert shown['tppcd_request_duration_seconds_bucket{entry="responses",le="+Inf",provider=""}'] == 1


@pytest.mark.parametrize("value, edge", [(0.25, "0.25"), (0.2501, "0.5"), (10_000.0, "+Inf")])
def test_an_observation_falls_into_the_first_bucket_that_holds_it(value: float, edge: str) -> None:
    metrics = Metrics()
    metrics.request_finished("messages", "fox", 200, None, value)
    buckets = {
        key: number for key, number in samples(metrics).items() if key.startswith("tppcd_request_duration_seconds_b")
    }
    first = next(key for key, number in buckets.items() if number)
    assert f'le="{edge}"' in first


def test_labels_that_clients_influence_are_bounded() -> None:
    metrics = Metrics()
    for number in range(MOST_MODELS + 50):
        metrics.request_finished("messages", "fox", 200, 0.1, 0.1, Usage(input_tokens=1), model=f"m{number}")
    for number in range(MOST_FIELDS + 50):
        metrics.lost(f"field-{number}")
    shown = samples(metrics)
    assert shown['tppcd_tokens_total{kind="input",model="other",provider="fox"}'] == 50
    assert shown['tppcd_lost_total{field="other"}'] == 50
    assert sum(key.startswith("tppcd_lost_total") for key in shown) == MOST_FIELDS + 1


@pytest.mark.parametrize(("junk", "most"), [("junk", MOST_MODELS), ("listed-", MOST_DISCOVERED)])
def test_made_up_and_discovered_names_displace_no_registered_one(junk: str, most: int) -> None:
    metrics = Metrics()
    applied(metrics, "fox")
    for number in range(most + 44):
        used(metrics, "fox", f"{junk}{number}")
    used(metrics, "fox", "gpt-5", 3)
    assert tokens(metrics, "fox", "gpt-5") == 3
    assert tokens(metrics, "fox", "other") == 44
    used(metrics, "fox", "gpt-6")
    assert tokens(metrics, "fox", "gpt-6") == (None if junk == "junk" else 1)
    applied(metrics, "fox", known={**KNOWN, "gpt-6": "registered", f"{junk}0": "registered"})
    used(metrics, "fox", "gpt-6")
    used(metrics, "fox", f"{junk}0")
    assert tokens(metrics, "fox", "gpt-6") == (1 if junk == "junk" else 2), "named later, it has its own"
    assert tokens(metrics, "fox", f"{junk}0") == 2
    used(metrics, "fox", f"{junk}new")
    assert tokens(metrics, "fox", f"{junk}new") == 1, "a place that is not needed any more is free again"


def test_the_series_of_a_removed_provider_go_with_it() -> None:
    metrics = Metrics()
    applied(metrics, "wolf")
    used(metrics, "wolf", "gpt-5")
    once = len(samples(metrics))
    for number in range(300):
        applied(metrics, f"fox{number}")
        used(metrics, f"fox{number}", "gpt-5")
        used(metrics, f"fox{number - 1}", "gpt-5")  # it was running when its provider was removed
    shown = samples(metrics)
    providers = {part for key in shown for part in key.split('"') if part.startswith(("fox", "wolf"))}
    assert providers == {"fox299"}
    assert len(shown) < 2 * once
    assert tokens(metrics, "other", "other") == 300


def test_a_removed_model_counts_as_other_until_it_is_named_again() -> None:
    metrics = Metrics()
    applied(metrics, "fox", "wolf")
    for name in ("fox", "wolf"):
        used(metrics, name, "gpt-5-mini")
        used(metrics, name, "junk")
    applied(metrics, "fox", "wolf", known={"gpt-5": "registered"})
    assert tokens(metrics, "fox", "gpt-5-mini") is None
    assert tokens(metrics, "fox", "junk") == 1, "nobody has named it, nobody has removed it"
    used(metrics, "fox", "gpt-5-mini")
    assert (tokens(metrics, "fox", "gpt-5-mini"), tokens(metrics, "fox", "other")) == (None, 1)
    applied(metrics, "fox", "wolf")
    used(metrics, "fox", "gpt-5-mini")
    assert tokens(metrics, "fox", "gpt-5-mini") == 1


def test_what_belongs_to_no_provider_stays() -> None:
    metrics = Metrics()
    applied(metrics, "fox")
    metrics.request_finished("responses", "", 401, None, 0.001)
    metrics.lost("top_k")
    metrics.upstream_cancelled()
    applied(metrics, "wolf")
    shown = samples(metrics)
    assert shown['tppcd_requests_total{entry="responses",provider="",status="401"}'] == 1
    assert shown['tppcd_lost_total{field="top_k"}'] == shown["tppcd_upstream_cancelled_total"] == 1


def test_lost_fields_are_counted_without_their_indexes() -> None:
    metrics = Metrics()
    metrics.lost("messages[3].content[0].cache_control", 2)
    metrics.lost("messages[12].content[1].cache_control")
    assert samples(metrics)['tppcd_lost_total{field="messages[].content[].cache_control"}'] == 3


def test_attempts_cancellations_and_changes_are_counted() -> None:
    metrics = Metrics()
    metrics.attempt("fox", "ok")
    metrics.attempt("fox", "rate_limit")
    metrics.upstream_cancelled()
    metrics.amended("fox", "drop_parameter")
    metrics.credentials({("tppc", "resolved"): 3, ("store", "failed"): 1})
    metrics.credentials({("tppc", "resolved"): 2})
    metrics.key_checked("fox", "refused")
    metrics.models_asked("fox", "failing")
    shown = samples(metrics)
    assert shown['tppcd_credential_attempts_total{name="fox",result="rate_limit"}'] == 1
    assert shown["tppcd_upstream_cancelled_total"] == 1
    assert shown['tppcd_amendments_total{amendment="drop_parameter",name="fox"}'] == 1
    assert shown['tppcd_credential_resolutions_total{kind="tppc",result="resolved"}'] == 5
    assert shown['tppcd_credential_resolutions_total{kind="store",result="failed"}'] == 1
    assert shown['tppcd_key_checks_total{name="fox",result="refused"}'] == 1
    assert shown['tppcd_model_list_requests_total{name="fox",result="failing"}'] == 1


@pytest.mark.parametrize(
    ("first", "total", "output", "streamed", "speed", "token_time"),
    [
        (0.5, 2.5, 101, True, 40.4, 0.02),
        (0.5, 2.5, 101, False, 40.4, None),  # one write at the end: its pieces have no times
        (0.5, 2.5, 1, True, 0.4, None),
        (0.5, 2.5, 0, True, None, None),
        (None, 2.5, 101, True, None, None),
        (0.0, 0.0, 5, True, None, None),  # a clock that stood still
    ],
)
def test_the_speed_of_an_answer(
    first: float | None, total: float, output: int, streamed: bool, speed: float | None, token_time: float | None
) -> None:
    """Of whole answers as of streams; the time of a token is known of streams only, from their first event on."""
    metrics = Metrics()
    usage = Usage(input_tokens=9, output_tokens=output)
    metrics.request_finished("chat", "fox", 200, first, total, usage, model="m", streamed=streamed)
    shown, series = samples(metrics), '{entry="chat",provider="fox"}'
    for name, value in (("output_tokens_per_second", speed), ("time_per_output_token_seconds", token_time)):
        assert shown.get(f"tppcd_{name}_count{series}") == (None if value is None else 1)
        assert shown.get(f"tppcd_{name}_sum{series}") == pytest.approx(value)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [(3, {"tppcd_admission_limit": 3.0}), (0, {"tppcd_admission_limit": 0.0}), (None, {})],
)
def test_what_others_know_is_asked_for_at_each_scrape(numbers: int | None, shown: dict[str, float]) -> None:
    metrics = Metrics()
    metrics.ask_at_scrape("tppcd_admission_limit", lambda: numbers)
    states: dict[Labels, float] = {("running",): 1.0}
    metrics.ask_at_scrape("tppcd_admission_requests", lambda: states)
    assert {key: value for key, value in samples(metrics).items() if key == "tppcd_admission_limit"} == shown
    states = {("waiting",): 2.0}
    found = {key: value for key, value in samples(metrics).items() if key.startswith("tppcd_admission_requests")}
    assert found == {'tppcd_admission_requests{state="waiting"}': 2.0}


def test_the_first_answer_keeps_its_time() -> None:
    """A failure is none, and neither is what has no content: a list of models, a count of tokens."""
    metrics, name = Metrics(), "tppcd_first_answer_timestamp_seconds"
    metrics.request_finished("messages", "fox", 502, None, 0.1)
    metrics.request_finished("models", "", 200, None, 0.1)
    assert name not in samples(metrics)
    metrics.request_finished("messages", "fox", 200, 0.1, 0.1)
    first = samples(metrics)[name]
    metrics.request_finished("messages", "fox", 200, 0.1, 0.1)
    assert samples(metrics)[name] == first == pytest.approx(time.time(), abs=60)


def test_a_late_loop_is_seen() -> None:
    metrics = Metrics()
    metrics.loop_was_late(0.003)
    shown = samples(metrics)
    assert shown['tppcd_loop_lag_seconds_bucket{le="0.0025"}'] == 0
    assert shown['tppcd_loop_lag_seconds_bucket{le="0.005"}'] == shown["tppcd_loop_lag_seconds_count"] == 1


def test_the_process_is_measured_without_the_machines_files(tmp_path: Path) -> None:
    """``ProcSubset=pid`` hides all of /proc but the processes; a program's name may hold anything."""
    stat = ["0"] * 50
    stat[11:13], stat[19:22] = ["250", "50"], ["1000", "4096", "3"]
    (tmp_path / "stat").write_text(f"17 (a) (b c) {' '.join(stat)}")
    (tmp_path / "fd").mkdir()
    (tmp_path / "fd" / "0").touch()
    numbers = {metric.name: number for metric, number in ProcessNumbers(tmp_path).read()}
    assert numbers.keys() == {metric.name for metric in PROCESS_TABLE}
    assert numbers["process_cpu_seconds_total"] == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))
    assert numbers["process_resident_memory_bytes"] == 3 * resource.getpagesize()
    assert (numbers["process_virtual_memory_bytes"], numbers["process_open_fds"]) == (4096, 1)
    assert list(ProcessNumbers(tmp_path / "none").read()) == []


def test_the_start_of_the_process_does_not_move() -> None:
    numbers = ProcessNumbers()
    first, again = (dict(numbers.read())[STARTED] for _ in range(2))
    assert first == again
    assert 0 <= time.time() - first < 86_400


def test_lines_wait_and_are_dropped_where_the_output_is_stuck() -> None:
    """The writer takes a first line to a terminal that does not move; two more wait, and the rest is dropped."""
    free, stuck = threading.Event(), threading.Event()

    class Stuck:
        def write(self, text: str) -> None:
            stuck.set()
            free.wait()

        def close(self) -> None:
            """Nothing."""

    sink = LogSink([Writer(Stuck(), lambda record: str(record["message"]), str, capacity=2)])
    record: Record = {"at": 0.0, "level": "INFO", "logger": "", "message": "x", "extra": {}}
    sink.put(record, 20)
    assert stuck.wait(60)
    metrics = Metrics()
    metrics.ask_at_scrape("tppcd_log_queue_lines", lambda: sink.waiting)
    metrics.ask_at_scrape("tppcd_log_lines_dropped_total", lambda: sink.dropped)
    for _ in range(5):
        sink.put(record, 20)
    shown = samples(metrics)
    assert (shown["tppcd_log_queue_lines"], shown["tppcd_log_lines_dropped_total"]) == (2, 3)
    free.set()
    sink.close()
    assert samples(metrics)["tppcd_log_queue_lines"] == 0


def test_two_daemons_in_one_process_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.upstream_cancelled()
    assert samples(second)["tppcd_upstream_cancelled_total"] == 0
