"""The audit log on disk."""

from __future__ import annotations

import json
from pathlib import Path

from daemon.telemetry.audit import AuditFile, AuditLog


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_event_is_one_line_also_those_the_ring_has_lost(tmp_path: Path) -> None:
    audit, file = AuditLog(capacity=10), AuditFile(tmp_path / "audit.jsonl", str)
    audit.add_sink(file)
    for number in range(100):
        audit.publish("change", f"line\n{number}", path="tppc", generation=number)
    file.close()
    kept = lines(tmp_path / "audit.jsonl")
    assert [event["fields"] for event in kept] == [{"path": "tppc", "generation": n} for n in range(100)]
    assert kept[7]["message"] == "line\n7"
    assert [int(str(event["id"])) - int(str(kept[0]["id"])) for event in kept] == list(range(100))


def test_it_is_appended_to_over_restarts_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    for _ in range(2):
        audit, file = AuditLog(), AuditFile(tmp_path / "audit.jsonl", str)
        audit.add_sink(file)
        audit.publish("reload", "done")
        file.close()
    assert len(lines(tmp_path / "audit.jsonl")) == 2
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_it_is_turned_over_by_size(tmp_path: Path) -> None:
    for _ in range(3):
        audit, file = AuditLog(), AuditFile(tmp_path / "audit.jsonl", str, rotation=100)
        audit.add_sink(file)
        audit.publish("reload", "x" * 80)
        file.close()
    assert len(list(tmp_path.iterdir())) == 3


def test_secrets_are_masked_and_odd_values_shown(tmp_path: Path) -> None:
    audit, file = AuditLog(), AuditFile(tmp_path / "audit.jsonl", lambda text: text.replace("planted", "***"))
    audit.add_sink(file)
    audit.publish("change", "the planted key", where=Path("/etc"))
    file.close()
    (event,) = lines(tmp_path / "audit.jsonl")
    assert (event["message"], event["fields"]) == ("the *** key", {"where": "/etc"})
