"""The targets relative to LiteLLM in one run, and how the figures are read from the harness's raw results."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

OURS = "tppcd"
BASE = "litellm"

Results = Mapping[str, Any]
"""The JSON that ``compare.py --out`` writes: foreign input, read only by the functions below."""


def scenario(name: str, field: str) -> Callable[[Results, str], float | None]:
    """The median of ``field`` over the rounds of one scenario, for a gateway."""

    def read(results: Results, gateway: str) -> float | None:
        values = [float(run[field]) for run in runs(results, gateway, name) if run.get("done") and field in run]
        return statistics.median(values) if values else None

    return read


def started(column: int) -> Callable[[Results, str], float | None]:
    """The median of one column of ``--startup``: 0 seconds to the first answer, 1 CPU seconds, 2 RSS, 3 PSS."""

    def read(results: Results, gateway: str) -> float | None:
        rows = results.get("startup", {}).get(gateway, [])
        return statistics.median(row[column] for row in rows) if rows else None

    return read


def idle(results: Results, gateway: str) -> float | None:
    """RSS in MiB after the first answers, before any load; the tokenizer is not loaded yet."""
    memory = results.get("idle", {}).get(gateway)
    return float(memory[0]) if memory else None


def runs(results: Results, gateway: str, name: str) -> list[dict[str, Any]]:
    return [run for run in results.get("runs", []) if run["gateway"] == gateway and run["scenario"] == name]


class Target(Struct, frozen=True):
    """``ours / base`` must be at most ``limit``."""

    what: str
    unit: str
    limit: float
    read: Callable[[Results, str], float | None]


TARGETS = (
    Target("CPU per plain answer", " ms", 1 / 30, scenario("plain", "cpu_ms_per_req")),
    Target("CPU per 64 kB agent request", " ms", 1 / 30, scenario("plain-agent", "cpu_ms_per_req")),
    Target("CPU per burst of 500 events", " ms", 1 / 25, scenario("s500", "cpu_ms_per_req")),
    Target("CPU per live (paced) event", " us", 1 / 5, scenario("paced", "cpu_us_per_event")),
    Target("start to first answer", " s", 1 / 8, started(0)),
    Target("idle memory (RSS)", " MiB", 1 / 5, idle),
)


class Verdict(Struct, frozen=True):
    """``ratio`` and ``ok`` are None where one side was not measured."""

    target: Target
    ours: float | None
    base: float | None
    ratio: float | None
    ok: bool | None


def judge(results: Results, base: str = BASE) -> list[Verdict]:
    verdicts = []
    for target in TARGETS:
        ours, theirs = target.read(results, OURS), target.read(results, base)
        ratio = ours / theirs if ours is not None and theirs else None
        verdicts.append(Verdict(target, ours, theirs, ratio, None if ratio is None else ratio <= target.limit))
    return verdicts


def faults(results: Results) -> Sequence[str]:
    """Answers of ours that failed or broke the event grammar: a fast wrong answer does not count."""
    faulty = []
    for run in results.get("runs", []):
        if run["gateway"].startswith(OURS) and (run.get("failed") or run.get("odd")):
            detail = run.get("errors") or run.get("odd")
            faulty.append(
                f"{run['gateway']}, {run['scenario']}, round {run['round']}: {run.get('failed')} failed, {detail}"
            )
    return faulty
