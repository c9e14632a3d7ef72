"""The dashboard and the alerts ask for metrics that there are, by labels that these have, and promtool takes them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from daemon.telemetry.metric_table import TABLE
from daemon.telemetry.process_numbers import PROCESS_TABLE
from tests.harness import ROOT

MONITORING: Final = ROOT / "docs/monitoring"
DASHBOARD: Final[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
GROUPS: Final = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"]
ALERTS: Final = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
TESTS: Final = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text("utf-8"))["tests"]
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

OF_A_SCRAPE: Final = frozenset({"instance", "job"})
LABELS: Final = {
    "up": OF_A_SCRAPE,
    **{
        f"{metric.name}{suffix}": OF_A_SCRAPE | {*metric.labels, *(["le"] if suffix == "_bucket" else [])}
        for metric in (*TABLE, *PROCESS_TABLE)
        for suffix in (("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",))
    },
}
"""Of each series that a scrape gives."""
METRIC: Final = re.compile(r"\b(?:tppcd|process)_\w+|\bup\b")
SELECTOR: Final = re.compile(r"([a-z_]+)\{([^}]*)\}")
GROUPING: Final = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)")
EDGE: Final = re.compile(r'(\w+)_bucket\{[^}]*le="([^"]+)"')
HOLDER: Final = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def targets() -> Iterator[tuple[str, str, str]]:
    """(panel, expression, legend)."""
    for panel in PANELS:
        yield from ((panel["title"], target["expr"], target["legendFormat"]) for target in panel["targets"])
    yield from ((each["name"], each["expr"], "") for each in DASHBOARD["annotations"]["list"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            asked, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
            yield variable["name"], asked, f"{{{{{label}}}}}"


def on_pages() -> Iterator[tuple[str, str]]:
    """(page, expression): the ``promql`` blocks of pages, and what the tables of the how-to ask for."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text("utf-8")
        for expression in re.findall(r"^```promql\n(.*?)^```", text, re.S | re.M):
            yield page.name, expression.strip()
        if page.name == "monitoring.md":
            rows = text.partition("## What to look at first")[2].splitlines()
            yield from ((page.name, each) for row in rows if row[:1] == "|" for each in re.findall(r"`(.+?)`", row))


EXPRESSIONS = [
    *(pytest.param(expression, "", id=f"{page}-{number}") for number, (page, expression) in enumerate(on_pages())),
    *(pytest.param(expression, legend, id=f"{panel}-{legend}") for panel, expression, legend in targets()),
    *(pytest.param(rule["expr"], " ".join(rule["annotations"].values()), id=name) for name, rule in ALERTS.items()),
]


def names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}


@pytest.mark.parametrize(("expression", "words"), EXPRESSIONS)
def test_an_expression_is_about_what_there_is(expression: str, words: str) -> None:
    """Also the labels that its legend, or its alert, shows."""
    metrics = set(METRIC.findall(expression))
    assert metrics and metrics <= LABELS.keys()
    for metric, matchers in SELECTOR.findall(expression):
        assert names(re.sub(r'(?:=~?|!~|!=)"[^"]*"', "", matchers)) <= LABELS[metric], metric
    known = set[str]().union(*(LABELS[metric] for metric in metrics))
    grouped = [names(each) for each in GROUPING.findall(expression)]
    assert set[str]().union(*grouped) <= known
    assert set(HOLDER.findall(words)) <= known
    edges = {each.name: set(map(str, each.buckets)) for each in TABLE}
    assert all(edge in edges[metric] for metric, edge in EDGE.findall(expression))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {metric for _, expression, _ in targets() for metric in METRIC.findall(expression)}
    wanted = {metric.name: {metric.name, f"{metric.name}_bucket"} for metric in TABLE}
    assert [name for name, either in wanted.items() if not either & shown] == []


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """Its data source is a variable, panels have IDs of their own and do not lie on each other."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    sources = [each["datasource"] for panel in PANELS for each in (panel, *panel["targets"])]
    assert {(source["type"], source["uid"]) for source in sources} == {("prometheus", "${datasource}")}
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_every_alert_says_what_happened_and_what_to_do_and_is_tested() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), name
        assert len(rule["annotations"]["summary"]) > 20 and len(rule["annotations"]["description"]) > 60, name
    fires = {each["alertname"] for test in TESTS for each in test["alert_rule_test"] if each["exp_alerts"]}
    silent = {each["alertname"] for test in TESTS for each in test["alert_rule_test"] if not each["exp_alerts"]}
    assert fires == silent == ALERTS.keys()


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing (Debian: apt install prometheus)")
    return found


@pytest.mark.parametrize("arguments", [("check", "alerts.yaml"), ("test", "alerts.test.yaml")], ids=" ".join)
def test_promtool_takes_the_alerts(promtool: str, arguments: tuple[str, str]) -> None:
    command, file = arguments
    run = [promtool, command, "rules", file]
    found = subprocess.run(run, cwd=MONITORING, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_promtool_takes_every_expression_of_dashboard_and_pages(promtool: str, tmp_path: Path) -> None:
    """As rules that record, which is what it checks."""
    asked = [*(expression for _, expression, _ in targets()), *(expression for _, expression in on_pages())]
    expressions = [re.sub(r"\$__(?:rate_interval|range)", "5m", expression) for expression in asked]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run = [promtool, "check", "rules", str(tmp_path / "rules.yaml")]
    found = subprocess.run(run, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
