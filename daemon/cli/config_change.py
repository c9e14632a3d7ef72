"""Changing config.yaml from a command: only the lines that must change, checked before it is written.

file ─▶ data ─ what shall be ─▶ splice ─▶ check ─▶ write ─▶ change summary
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from daemon.cli import exit_codes
from daemon.cli.config_data import Data
from daemon.cli.config_file import Checked, check, tell
from daemon.config.document import parse
from daemon.config.edit.rewrite import NotEditable, rewrite
from daemon.snapshot.diff import diff
from daemon.snapshot.summary import lines
from daemon.sources.lease import ignore_lease_breaks
from daemon.sources.reading import Unreadable
from daemon.sources.write import WriteRefused, hold, replace


def change(path: Path, wish: Callable[[Data], dict[str, object]]) -> int:
    """Makes the file say ``wish(what it says now)``; a missing file is made. Gives the exit code."""
    ignore_lease_breaks()
    try:
        held = hold(path)
        before = held.raw
        after = rewrite(before, wish(parse(before).data))
    except Unreadable as why:
        return failed(f"{path} {why.message} ({why.hint})")
    except NotEditable as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    found = check(after, str(path), path.parent, generation=2)
    if found.snapshot is None:
        tell(found)
        return failed(f"{path} would not be valid; nothing was written", exit_codes.CONFIG)
    if after == before:
        print(f"{path} says so already")
        return exit_codes.OK
    try:
        replace(held, after)
    except WriteRefused as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    tell_changes(check(before, str(path), path.parent) if before else None, found, path)
    return exit_codes.OK


def tell_changes(old: Checked | None, new: Checked, path: Path) -> None:
    """What was written, as the change summary of a reload says it."""
    print(f"wrote {path}")
    assert new.snapshot is not None
    for line in lines(diff(old.snapshot if old else None, new.snapshot)):
        print(f"  {line}")


def failed(message: str, code: int = exit_codes.FAILURE) -> int:
    """Says why on stderr; gives the exit code."""
    print(f"tppcd: {message}", file=sys.stderr)
    return code
