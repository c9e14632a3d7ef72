"""Changing config.yaml from a command: only the lines that must change, checked before it is written.

    file ─▶ data ─ edit ─▶ rewrite ─▶ check ─▶ write ─▶ change summary

The file's data is plain, whether or not it is valid. A command that only prints what it would write uses
``print_yaml``, which masks keys on a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from daemon.api.management.masked import as_written
from daemon.cli import exit_codes
from daemon.cli.output import diagnostic_json, print_json
from daemon.cli.output import failed as failed_with
from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document, parse
from daemon.config.edit.render import mapping as yaml_lines
from daemon.config.edit.rewrite import NotEditable, rewrite
from daemon.config.schema import Config
from daemon.reload.check import CheckResult, check
from daemon.snapshot.snapshot import Snapshot
from daemon.snapshot.summary import lines
from daemon.sources.base import Update
from daemon.sources.lease import ignore_lease_breaks
from daemon.sources.reading import Unreadable
from daemon.sources.write import WriteRefused, read_for_write, replace

Data = Mapping[str, object]


class NotChanged(Exception):
    """Nothing was written; one line says why. ``diagnostics`` say what would not be valid, ``code`` is 78 then."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics
        self.code = exit_codes.CONFIG if diagnostics else exit_codes.FAILURE


def change(path: Path, edit: Callable[[Data], dict[str, object]], format: str = "text") -> int:
    """Replaces the file's data by ``edit(data)``; a missing file is created. Returns the exit code."""
    try:
        changes = changed(path, edit)
    except NotChanged as why:
        for each in why.diagnostics:
            print(each, file=sys.stderr)
        views = {"diagnostics": [diagnostic_json(each) for each in why.diagnostics]} if why.diagnostics else {}
        return failed_with(f"tppcd: {why}", format, message=str(why), code=why.code, **views)
    _print_written(path, changes, format)
    return exit_codes.OK


def changed(path: Path, edit: Callable[[Data], dict[str, object]]) -> tuple[str, ...] | None:
    """The lines of the change summary; None where the file needs no change. Raises NotChanged."""
    ignore_lease_breaks()
    try:
        file = read_for_write(path)
        before = file.raw
        document = parse(before, str(path), keep_tokens=True)
        after = rewrite(document, edit(document.data))
    except Unreadable as why:
        raise NotChanged(f"{why.about(str(path))} ({why.hint})") from None
    except NotEditable as refusal:
        raise NotChanged(f"{path}: {refusal}; nothing was written") from None
    old = _check(document).snapshot if before else None
    checked = _check(after, old)
    if checked.errors:
        raise NotChanged(f"{path} would not be valid; nothing was written", checked.diagnostics)
    if after.raw == before:
        return None
    try:
        replace(file, after.raw)
    except WriteRefused as refusal:
        raise NotChanged(f"{path}: {refusal}; nothing was written") from None
    return lines(checked.changes)


def _print_written(path: Path, changes: Sequence[str] | None, format: str) -> None:
    if format == "json":
        print_json({"path": str(path), "written": changes is not None, "changes": list(changes or ())})
        return
    print(f"{path} needs no change" if changes is None else f"wrote {path}")
    for line in changes or ():
        print(f"  {line}")


def _check(document: Document, old: Snapshot | None = None) -> CheckResult:
    update = Update(source=document.source, raw=document.raw, digest="")
    return check(update, document, environ=os.environ, base=Path(document.source).parent, old=old)


def failed(message: str, format: str = "text") -> int:
    """Prints the reason; returns the exit code 1."""
    return failed_with(f"tppcd: {message}", format, message=message)


def print_yaml(data: Data, format: str = "text") -> None:
    """A part of config.yaml on stdout, as YAML or JSON: whole into a file or a pipe; on a terminal its keys are masked,
    and stderr says how to get them."""
    shown = as_written(Config, data) if sys.stdout.isatty() else data
    if shown != data:
        print("# the key is not shown on a terminal: use --write, or send the output into a file", file=sys.stderr)
    if format == "json":
        print_json(shown)
    else:
        print(*yaml_lines(shown, step=2, offset=2), sep="\n")


def mapping(value: object) -> Data:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def providers(data: Data) -> list[Data]:
    """The entries of ``tppc.providers``."""
    listed = mapping(data.get("tppc")).get("providers")
    return [mapping(each) for each in listed] if isinstance(listed, list) else []


def place_of(name: str, listed: list[Data]) -> int | None:
    """Where the provider of that name is in the list; names that differ only in case are the same."""
    names = [str(each.get("name", "")).strip().lower() for each in listed]
    name = name.strip().lower()
    return names.index(name) if name in names else None
