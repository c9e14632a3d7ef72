"""What is wrong with a configuration: a ``Diagnostic``, printed the way compilers print theirs.

A check that knows only the value reports a ``Fault``, a diagnostic without a position; ``load`` adds that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


class Diagnostic(Struct, frozen=True, kw_only=True):
    """``path`` as in the file (``("tppc", "providers", 1, "base-url")``); ``line`` and ``column``
    count from 1, 0 = unknown. ``hint`` says what to do. No secret is ever part of a message."""

    severity: Severity
    code: str
    message: str
    path: Path = ()
    line: int = 0
    column: int = 0
    source: str = "config.yaml"
    hint: str = ""

    @property
    def dotted(self) -> str:
        """``tppc.providers[1].base-url``."""
        return dotted(self.path)

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.column

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        subject = f"{self.dotted}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.severity}: {subject}{self.message}{hint}"


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong with the value at ``path``; its line and column are not known yet.

    ``literal_hint`` stands in place of ``hint`` where the value is written out, and may quote a part of it.
    ``literals_only``: nothing is wrong where the value is behind a reference."""

    path: Path
    code: str
    message: str
    hint: str = ""
    literal_hint: str = ""
    literals_only: bool = False
    severity: Severity = "error"


Faults = Iterator[Fault]


def fault_at(path: str, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Fault:
    """``path`` dotted."""
    return Fault(path=tuple(path.split(".")), code=code, message=message, hint=hint, severity=severity)


def dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
