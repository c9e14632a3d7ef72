"""Reading a config.yaml for the commands that only look at it: the same steps as a reload, nothing applied."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from daemon.config.document import MAX_BYTES
from daemon.reload.check import CheckResult, check
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.base import Update
from daemon.sources.reading import explain, unreadable_config

STDIN = "-"


def default_path(environ: Mapping[str, str]) -> str:
    """``$TPPCD_CONFIG``, else ``config.yaml`` here."""
    return environ.get("TPPCD_CONFIG") or "config.yaml"


def read(path: str, *, old: Snapshot | None = None) -> CheckResult:
    """Check a file, or what comes on stdin for ``-``; no snapshot where there is an error.
    A file that cannot be read is a diagnostic too."""
    source = "<stdin>" if path == STDIN else path
    try:
        raw, mode = _bytes(path)
    except OSError as error:
        update = Update(source=source, raw=b"", digest="", problem=unreadable_config(explain(error), source))
    else:
        update = Update(source=source, raw=raw, digest="", mode=mode)
    base = Path() if path == STDIN else Path(path).parent
    checked = check(update, environ=os.environ, base=base, old=old)
    return structs.replace(checked, snapshot=None) if checked.errors else checked


def _bytes(path: str) -> tuple[bytes, int]:
    """What is there, one byte more than is allowed at most, and the file's mode (0 for stdin)."""
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1), 0
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1), os.fstat(file.fileno()).st_mode


def print_diagnostics(checked: CheckResult) -> None:
    """The diagnostics on stderr, for commands whose stdout is something else."""
    for diagnostic in checked.diagnostics:
        print(diagnostic, file=sys.stderr)
