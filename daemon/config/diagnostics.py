"""What is wrong with a configuration: a ``Diagnostic``, printed the way compilers print theirs.

A check that knows only the value reports a ``Fault``, a diagnostic without a position; ``load`` adds that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


class Diagnostic(Struct, frozen=True, kw_only=True):
    """``path`` as in the file (``("tppc", "providers", 1, "base-url")``); ``line`` and ``column``
    count from 1, 0 = unknown. ``hint`` says what to do. No secret is ever part of a message. ``about`` is what else
    than the text of a configuration has the problem: a directory, the socket; it is named in place of ``source``."""

    severity: Severity
    code: str
    message: str
    path: Path = ()
    line: int = 0
    column: int = 0
    source: str = "config.yaml"
    hint: str = ""
    about: str = ""

    @property
    def dotted(self) -> str:
        """``tppc.providers[1].base-url``."""
        return dotted(self.path)

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.column

    def __str__(self) -> str:
        place = self.about or (f"{self.source}:{self.line}:{self.column}" if self.line else self.source)
        subject = f"{self.dotted}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.severity}: {subject}{self.message}{hint}"


MOST_SHOWN: Final = 200
"""Diagnostics of one severity that are kept of a file: a file of another program is wrong in each line."""


def bounded(diagnostics: Sequence[Diagnostic], severity: Severity) -> tuple[Diagnostic, ...]:
    """Without those of this severity beyond the first ``MOST_SHOWN``; the last one says how many there are more."""
    found = [each for each in diagnostics if each.severity == severity]
    more = len(found) - MOST_SHOWN
    if more <= 0:
        return tuple(diagnostics)
    noun = severity if more == 1 else f"{severity}s"
    rest = Diagnostic(severity=severity, code="more", message=f"and {more} more {noun}", source=found[0].source)
    left_out = set(map(id, found[MOST_SHOWN:]))
    return (*(each for each in diagnostics if id(each) not in left_out), rest)


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
