"""What a rule finds: a problem without a place, which ``load`` adds."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from daemon.config.diagnostics import Path, Severity


class Finding(Struct, frozen=True, kw_only=True):
    """``path`` says which value it is about."""

    path: Path
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"


Findings = Iterator[Finding]


def finding(path: str, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Finding:
    """``path`` dotted."""
    return Finding(path=tuple(path.split(".")), code=code, message=message, hint=hint, severity=severity)
