"""Changing config.yaml from a command: only the lines that must change, checked before it is written.

    file ─▶ data ─ edit ─▶ rewrite ─▶ check ─▶ write ─▶ change summary

The file's data is plain, whether or not it is valid. A command that only prints what it would write uses
``print_yaml``, which masks keys on a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.api.management.masked import as_written
from daemon.cli import exit_codes
from daemon.cli.config_file import print_diagnostics
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


def change(path: Path, edit: Callable[[Data], dict[str, object]]) -> int:
    """Replaces the file's data by ``edit(data)``; a missing file is created. Returns the exit code."""
    ignore_lease_breaks()
    try:
        file = read_for_write(path)
        before = file.raw
        document = parse(before, str(path), keep_tokens=True)
        after = rewrite(document, edit(document.data))
    except Unreadable as why:
        return failed(f"{why.about(str(path))} ({why.hint})")
    except NotEditable as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    old = _check(document).snapshot if before else None
    checked = _check(after, old)
    if checked.errors:
        print_diagnostics(checked)
        return failed(f"{path} would not be valid; nothing was written", exit_codes.CONFIG)
    if after.raw == before:
        print(f"{path} needs no change")
        return exit_codes.OK
    try:
        replace(file, after.raw)
    except WriteRefused as refusal:
        return failed(f"{path}: {refusal}; nothing was written")
    print(f"wrote {path}")
    for line in lines(checked.changes):
        print(f"  {line}")
    return exit_codes.OK


def _check(document: Document, old: Snapshot | None = None) -> CheckResult:
    update = Update(source=document.source, raw=document.raw, digest="")
    return check(update, document, environ=os.environ, base=Path(document.source).parent, old=old)


def failed(message: str, code: int = exit_codes.FAILURE) -> int:
    """Prints the reason to stderr; returns the exit code."""
    print(f"tppcd: {message}", file=sys.stderr)
    return code


def print_yaml(data: Data) -> None:
    """A part of config.yaml on stdout: whole into a file or a pipe; on a terminal its keys are masked, and stderr
    says how to get them."""
    shown = as_written(Config, data) if sys.stdout.isatty() else data
    if shown != data:
        print("# the key is not shown on a terminal: use --write, or send the output into a file", file=sys.stderr)
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
