"""Each line of the log stands alone: whoever reads one line must find what happened, to whom, with which result, and
of a failure why. Checked at every place of the daemon that logs: a new one fails here until it says so.

The lines of one run, of all kinds, are read in ``tests/e2e/test_lines_alone.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from daemon.config.sections import LogLevels

ROOT = Path(__file__).resolve().parents[1] / "daemon"
LEVELS = {"debug", "info", "success", "warning", "error", "critical", "exception", "log"}
BAD = {"warning", "error", "critical", "exception"}
WHO = {"request_id", "provider", "auth", "address"}
"""Fields that say whom a line is about."""
WHY = {"reason", "error", "problem", "exception"}
"""Fields that say why."""

WHOLE = {
    "{}": "the reporter's, the lasting problems' and the start's lines, whose texts are complete",
    "management: {}": "method, path, address and result",
    "stopping: no new connections, {}": "the daemon, and what it waits for",
    "stopped serving after {:.1f} s, {}": "the daemon, and whether all were served",
    "stopping: {} still running, ending now": "the requests; the time that they had is over",
    "listening on {}{}": "the daemon, its address, and whether it is HTTPS",
    "the socket is inherited from systemd: {}": "the daemon and its address",
    "the socket is inherited from systemd: {}; host and port as configured ({}) are not used: change ListenStream= in"
    " tppcd.socket": "the daemon, its address, why, and what to do",
    "certificate {}: HTTPS, {}": "the file, and for whom and until when it is",
    "certificate {}: changed, new connections get it: {}": "the file, what is done, for whom and until when it is",
    "OpenTelemetry: {}": "the variable, and what is not done for it",
    "OpenTelemetry: cannot start ({}), so nothing is exported; serving goes on": "what, why, and what follows",
    "OpenTelemetry: {} go to {}": "what, and the collector",
    "OpenTelemetry: the collector takes too long, so the last spans and metrics are not exported": "who, why, result",
    "translation.strict: fields that an upstream's API has no place for are refused, unknown ones too": "the setting",
    "no provider is enabled: fill in packycode or tppc.providers in config.yaml and set enabled: true, or add one with:"
    " tppcd provider add": "the configuration, and what to do",
    "no provider is in service: every one that is enabled has failed, as reported above": "all of them, and where",
    "the reload ({}) failed": "with a traceback",
    "a reload could not let go of {}": "with a traceback",
    "generation {} could not be applied": "with a traceback",
    "{} ended by itself; starting it again": "the task of the daemon, and what is done",
    "{} failed; starting it again in {:g} s": "the same, with a traceback",
    "{} is not checked for interrupted writes: {}": "the file and why",
    "{} contains a change that is not applied: {}": "the file and why",
    "{} is still open for writing {:g} s after its last change: read as it is": "the file, why, and what is done",
    "removed {}, left by a writer that was killed": "the file and why",
    "the last good configuration in {} is damaged: ignored": "the file, why, and what is done",
    "the last good configuration could not be saved in {}: {}": "the directory and why",
    "this configuration could not be saved in {}: {}": "the directory and why",
    "the last good configuration in {} {}": "the directory and why",
    "a write to {} may have been killed halfway, and its earlier content cannot be restored": "file, result",
    "a write to {} was killed halfway; its earlier content has been restored": "the file, why, and what was done",
    "the provider store {} has now schema {} (before: {})": "the store and its schemas",
    "the rows of the provider store could not be kept in {}: {}": "the store, the file and why",
    "{}: looking every {:g} s instead": "the store's own sentence, and what is done",
    "no stack dumps on a crash: stderr has no descriptor": "what is missing, and why",
    "self-check failed: no sign of life for the watchdog": "the daemon, and why in the field",
    "{} cannot be read: upstream hosts set through the API are no longer known": "the file, and what follows",
    "the list of upstream hosts set through the API could not be saved in {}: {}": "the list, the file and why",
    "the CA certificates for upstreams have changed: connections from now on are checked by the new ones": "what, how",
    "the system's CA certificates cannot be read any more ({}): those that were read before stay in force": "what, why",
}
"""Texts without such fields: what makes them whole."""

COMPUTED = {
    "daemon/service/server.py": "asyncio's own sentence on a task, with a traceback",
    "daemon/telemetry/logs.py": "the lines of other libraries, as they write them",
    "daemon/gateway/request_lines.py": "how many requests have no line, and why",
    "daemon/telemetry/otel/collector.py": "the collector, what it does not take, and why",
}
"""Modules that log a text which is not in the code."""


class Call(Struct, frozen=True):
    place: str
    level: str
    text: str | None
    fields: frozenset[str]


def calls() -> Iterator[Call]:
    """Every call of the logger, also by way of a name that ``logger.bind`` was given."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        bound = {
            target.id: fields
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and (fields := fields_of(node.value, {})) is not None
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
                continue
            fields = fields_of(node.func.value, bound)
            if fields is not None:
                text = node.args[1 if node.func.attr == "log" else 0]
                words = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
                place = str(path.relative_to(ROOT.parent))
                yield Call(f"{place}:{node.lineno}", node.func.attr, words, fields)


def fields_of(node: ast.expr, bound: dict[str, frozenset[str]]) -> frozenset[str] | None:
    """The fields that a logger has: ``logger``, ``logger.bind(…)``, ``logger.opt(…)``; None where it is none."""
    if isinstance(node, ast.Name):
        return frozenset() if node.id == "logger" else bound.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = fields_of(node.func.value, bound)
        if inner is not None and node.func.attr in ("bind", "opt", "patch"):
            return inner | {keyword.arg for keyword in node.keywords if keyword.arg}
    return None


CALLS = list(calls())


def test_all_calls_are_found() -> None:
    """Every module that imports the logger is among them, or hands it on."""
    modules = {call.place.partition(":")[0] for call in CALLS}
    importing = {
        str(path.relative_to(ROOT.parent))
        for path in ROOT.rglob("*.py")
        if "from loguru import logger" in path.read_text("utf-8")
    }
    assert importing - modules == set()
    assert len(CALLS) > 50


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.place)
def test_a_line_says_whom_it_is_about_and_why(call: Call) -> None:
    """By a field, or by a text of which this file says what makes it whole."""
    if call.text is None:
        assert call.place.partition(":")[0] in COMPUTED, "a text that is not in the code: say here what it is"
        return
    if call.text in WHOLE:
        return
    assert call.fields & WHO, f"bind who it is about ({', '.join(sorted(WHO))}), or name it in the text"
    why = call.level not in BAD or call.level == "exception" or call.fields & WHY or ":" in call.text
    assert why or "left out" in call.text, "say why"


def test_nothing_stands_here_that_is_not_logged() -> None:
    assert WHOLE.keys() - {call.text for call in CALLS} == set()


def test_every_part_that_logs_can_have_its_level() -> None:
    """``logging.levels``."""
    areas = {call.place.split("/")[1] for call in CALLS if call.place.count("/") > 1}
    assert areas - {"telemetry"} <= set(LogLevels.__struct_fields__), "add it to LogLevels"
    assert set(LogLevels.__struct_fields__) <= areas | {"request"}


def test_debug_lines_that_cost_something_ask_first() -> None:
    """DEBUG of one part must cost the others nothing: where it is off, the text is not built."""
    for call in CALLS:
        if call.level == "debug" and call.text and "{" in call.text:
            path = ROOT.parent / call.place.partition(":")[0]
            assert "is_logged(" in path.read_text("utf-8"), call.place
