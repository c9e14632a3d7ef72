"""What around the daemon may be wrong while it runs, beside its configuration: each is a lasting problem."""

from __future__ import annotations

from pathlib import Path

from daemon.config.diagnostics import Diagnostic
from daemon.sources.lasting import LastingProblems
from daemon.state.exposed import exposed_config, exposed_state
from daemon.telemetry.audit import FILE_NAME, AuditFile, AuditLog
from daemon.telemetry.logs import masked


def lasting_problems(state_dir: Path, config: Path) -> LastingProblems:
    """They look at the directories; the file source, the reloader and the start put in what they find."""
    lasting = LastingProblems()
    lasting.look_for("state directory", lambda: exposed_state(state_dir))
    lasting.look_for("config directory", lambda: exposed_config(config))
    return lasting


def open_audit_file(state_dir: Path, audit: AuditLog, lasting: LastingProblems) -> AuditFile | None:
    """The file that the events of ``audit`` go to; None, and a lasting problem, where it cannot be written. Blocks."""
    path = state_dir / FILE_NAME
    try:
        file = AuditFile(path, masked)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        lasting.put("audit", without(str(path), f"audit events are not saved: it cannot be written: {reason}"))
        return None
    audit.add_sink(file)
    return file


def without(about: str, message: str) -> Diagnostic:
    """The daemon serves, but lacks ``about``."""
    return Diagnostic(severity="warning", code="not-available", message=message, about=about)
