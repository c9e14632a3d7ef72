"""``tppcd diff OLD NEW``: what a reload from OLD to NEW would change, in the lines of its change summary."""

from __future__ import annotations

import argparse
import os
import sys

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers, add_format
from daemon.cli.config_file import STDIN, read
from daemon.cli.output import not_valid, print_json
from daemon.cli.terminal import terminal
from daemon.reload.check import CheckResult
from daemon.snapshot.summary import clients_line, line


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "diff",
        help=COMMANDS["diff"],
        description="Nothing is applied; no key is shown, not even in part. Exits 78 if one of the files is not valid.",
    )
    parser.add_argument("old", metavar="OLD", help=f"the config.yaml to start from; {STDIN} reads stdin")
    parser.add_argument("new", metavar="NEW", help="the one that would replace it")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    old = read(arguments.old)
    new = read(arguments.new, old=old.snapshot)
    diagnostics = (*old.diagnostics, *new.diagnostics)
    if old.snapshot is None or new.snapshot is None:
        return not_valid(diagnostics, arguments.format)
    for diagnostic in diagnostics:
        print(diagnostic, file=sys.stderr)
    same = old.snapshot.revision == new.snapshot.revision
    if arguments.format == "json":
        print_json(_document(old, new))
    elif same:
        print(f"no changes from {old.source} to {new.source}")
    else:
        print(terminal(sys.stdout, os.environ).paint("bold", heading(old, new)))
        for change in new.changes.changes:
            print(f"  {line(change)}")
        print(clients_line(new.snapshot))
    return exit_codes.OK


def heading(old: CheckResult, new: CheckResult) -> str:
    """``3 changes from old.yaml to new.yaml, 4 core auths (+1 ~1 -0)``."""
    changes = new.changes
    auths = len(new.snapshot.core_auths) if new.snapshot else 0
    return (
        f"{_count(len(changes.changes), 'change')} from {old.source} to {new.source}, "
        f"{_count(auths, 'core auth')} (+{changes.added} ~{changes.changed} -{changes.removed})"
    )


def _document(old: CheckResult, new: CheckResult) -> dict[str, object]:
    changes = new.changes
    return {
        "old": old.source,
        "new": new.source,
        "changes": [{"path": each.path, "text": each.text, "restart-needed": each.restart} for each in changes.changes],
        "core-auths": {"added": changes.added, "changed": changes.changed, "removed": changes.removed},
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
