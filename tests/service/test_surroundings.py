"""What is missing around the daemon is shown for as long as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from loguru import logger

from daemon.config.diagnostics import Diagnostic
from daemon.reload.outcome import ReloadOutcome
from daemon.service.surroundings import lasting_problems, open_audit_file
from daemon.sources.lasting import LastingProblems
from daemon.telemetry.audit import AuditLog

WARNING = Diagnostic(severity="warning", code="c", message="m", about="/place", hint="h")
ERROR = Diagnostic(severity="error", code="c", message="n", about="/place")


def test_an_audit_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lasting = LastingProblems(quiet=True)
    assert open_audit_file(tmp_path / "file", AuditLog(), lasting) is None
    (problem,) = lasting.now
    assert (problem.about, problem.severity) == (str(tmp_path / "file/audit.jsonl"), "warning")


def test_directories_are_looked_at_again(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("{}\n")
    (tmp_path / "state").mkdir(mode=0o700)
    lasting = lasting_problems(tmp_path / "state", config)
    for mode, found in ((0o777, 1), (0o700, 0)):
        (tmp_path / "state").chmod(mode)
        lasting.look_again()
        assert len(lasting.now) == found


def test_it_is_logged_when_it_begins_and_when_it_ends() -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}")
    lasting = LastingProblems()
    for problem in (WARNING, WARNING, ERROR, None, None):
        lasting.put("key", problem)
    logger.remove(sink)
    assert [line.strip() for line in lines] == [
        "WARNING /place: warning: m (h)",
        "ERROR /place: error: n",
        "INFO /place: this is over: n",
    ]


@pytest.mark.parametrize(
    ("ok", "problems", "requested", "expected"),
    [
        (True, (), True, (True, False, False)),
        (True, (WARNING,), True, (True, False, False)),
        (True, (ERROR, WARNING), True, (False, True, False)),
        (True, (ERROR,), False, (True, True, False)),
        (False, (ERROR,), True, (False, True, True)),
        (False, (), True, (False, False, True)),
    ],
)
def test_an_outcome_beside_lasting_problems(
    ok: bool, problems: tuple[Diagnostic, ...], requested: bool, expected: tuple[bool, ...]
) -> None:
    """(ok, degraded, refused): an error fails a reload that somebody waits for, which is no refusal."""
    outcome = ReloadOutcome(ok=ok, reason="file", generation=1, revision="r", at=0.0)
    seen = outcome.with_lasting(problems, requested=requested)
    assert (seen.ok, seen.degraded, seen.refused) == expected
    assert seen.diagnostics == problems
