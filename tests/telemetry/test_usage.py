"""What finished requests have used, since the start and in a window, with a clock."""

from __future__ import annotations

from daemon.inference.response import Usage
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.model_labels import MOST_MODELS, Standing
from daemon.telemetry.usage import MOST_SAMPLES, UsageCounts, UsageRow

FOX = UsageRow("fox", "gpt-5", "chat")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def finished(metrics: Metrics, provider: str, model: str, *, status: int = 200, usage: Usage | None = None) -> None:
    metrics.request_started()
    metrics.request_finished("chat", provider, status, None, 2.0, usage, model=model)


def applied(metrics: Metrics, *names: str, known: Standing = "") -> None:
    metrics.snapshot(
        generation=1, providers=1, core_auths=1, models=1, names=names, known=lambda _p, _m: known, registrations={}
    )


def test_rows_count_requests_failures_and_every_kind_of_token() -> None:
    metrics = Metrics(clock=Clock())
    applied(metrics, "fox", known="registered")
    usage = Usage(input_tokens=7, output_tokens=4, cached_tokens=3, cache_write_tokens=2, reasoning_tokens=1)
    finished(metrics, "fox", "gpt-5", usage=usage)
    finished(metrics, "fox", "gpt-5", status=502)
    finished(metrics, "", "", status=404)
    (nobody, none), (row, counts) = metrics.usage.rows()
    assert (nobody, none.requests, none.failures) == (UsageRow("", "", "chat"), 1, 1)
    assert row == FOX
    assert (counts.requests, counts.failures, counts.seconds) == (2, 1, 2.0)
    assert (counts.input_tokens, counts.output_tokens, counts.cached_tokens) == (7, 4, 3)
    assert (counts.cache_write_tokens, counts.reasoning_tokens) == (2, 1)


def test_a_window_counts_what_ended_in_it_over_the_time_that_it_covers() -> None:
    clock = Clock()
    usage = UsageCounts(clock)
    usage.add(FOX, 200, 1.0, Usage(input_tokens=10, output_tokens=10))
    clock.now += 50
    usage.add(UsageRow("owl", "gpt-5", "chat"), 200, 1.0, Usage(output_tokens=5))
    clock.now += 10
    everyone = usage.lately(10, lambda _: True)
    assert (everyone.seconds, everyone.counts.requests, everyone.counts.output_tokens) == (10, 1, 5)
    longer = usage.lately(3600, lambda row: row.provider == "fox")
    assert (longer.seconds, longer.counts.requests, longer.counts.input_tokens) == (60, 1, 10)
    assert usage.lately(9, lambda _: True).counts.requests == 0


def test_a_window_is_shorter_where_more_requests_ended_than_are_remembered() -> None:
    clock = Clock()
    usage = UsageCounts(clock)
    for _ in range(MOST_SAMPLES + 1000):
        clock.now += 0.01
        usage.add(FOX, 200, 1.0, Usage(output_tokens=1))
    spent = usage.lately(86_400, lambda _: True)
    assert spent.counts.requests == MOST_SAMPLES
    assert round(spent.counts.output_tokens / spent.seconds) == 100
    assert usage.since_start(lambda _: True).counts.requests == MOST_SAMPLES + 1000


def test_what_a_removed_provider_has_used_goes_on_counting_as_other() -> None:
    metrics = Metrics(clock=Clock())
    applied(metrics, "fox", "owl", known="registered")
    for name in ("fox", "owl"):
        finished(metrics, name, "gpt-5", usage=Usage(output_tokens=4))
    applied(metrics, "owl", known="registered")
    finished(metrics, "fox", "gpt-5", usage=Usage(output_tokens=4))
    rows = {row: counts.output_tokens for row, counts in metrics.usage.rows()}
    assert rows == {UsageRow("other", "other", "chat"): 8, UsageRow("owl", "gpt-5", "chat"): 4}
    assert metrics.usage.since_start(lambda _: True).counts.output_tokens == 12


def test_names_that_clients_make_up_have_few_rows_and_failures_none() -> None:
    metrics = Metrics(clock=Clock())
    applied(metrics, "fox")
    for number in range(5000):
        finished(metrics, "fox", f"no-such-{number}", status=404)
    assert [row for row, _ in metrics.usage.rows()] == [UsageRow("fox", "other", "chat")]
    for number in range(5000):
        finished(metrics, "fox", f"made-up-{number}", usage=Usage(output_tokens=1))
    assert len(metrics.usage) == MOST_MODELS + 1
