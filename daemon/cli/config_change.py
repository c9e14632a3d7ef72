"""Changing config.yaml from a command: only the lines that must change, checked before it is written.

file ─▶ data ─ what shall be ─▶ splice ─▶ check ─▶ write ─▶ change summary
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from daemon.cli import exit_codes
from daemon.cli.config_data import Data
from daemon.cli.config_file import tell
from daemon.config.document import Document, parse
from daemon.config.edit.rewrite import NotEditable, rewrite
from daemon.reload.check import CheckResult, check
from daemon.snapshot.snapshot import Snapshot
from daemon.snapshot.summary import lines
from daemon.sources.base import Update
from daemon.sources.lease import ignore_lease_breaks
from daemon.sources.reading import Unreadable
from daemon.sources.write import WriteRefused, read_for_write, replace


def change(path: Path, edit: Callable[[Data], dict[str, object]]) -> int:
    """Makes the file say ``edit(what it says now)``; a missing file is made. Gives the exit code."""
    ignore_lease_breaks()
    try:
        held = read_for_write(path)
        before = held.raw
        document = parse(before, str(path), keep_tokens=True)
        after = rewrite(document, edit(document.data))
    except Unreadable as why:
        return failed(f"{path} {why.message} ({why.hint})")
    except NotEditable as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    old = _check(document).snapshot if before else None
    found = _check(after, old)
    if found.errors:
        tell(found)
        return failed(f"{path} would not be valid; nothing was written", exit_codes.CONFIG)
    if after.raw == before:
        print(f"{path} says so already")
        return exit_codes.OK
    try:
        replace(held, after.raw)
    except WriteRefused as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    print(f"wrote {path}")
    for line in lines(found.changes):
        print(f"  {line}")
    return exit_codes.OK


def _check(document: Document, old: Snapshot | None = None) -> CheckResult:
    update = Update(source=document.source, raw=document.raw, digest="")
    return check(update, document, environ=os.environ, base=Path(document.source).parent, old=old)


def failed(message: str, code: int = exit_codes.FAILURE) -> int:
    """Says why on stderr; gives the exit code."""
    print(f"tppcd: {message}", file=sys.stderr)
    return code
