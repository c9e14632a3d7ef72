"""``tppcd diff OLD NEW``: the change summary that a reload from OLD to NEW would log."""

from __future__ import annotations

import argparse
import time

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers
from daemon.cli.config_file import print_diagnostics, read
from daemon.snapshot.summary import clients_line, heading, lines


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("diff", help=COMMANDS["diff"], description="Exits 78 if one of them is not valid.")
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")


def run(arguments: argparse.Namespace) -> int:
    old = read(arguments.old)
    began = time.perf_counter()
    new = read(arguments.new, old=old.snapshot)
    milliseconds = (time.perf_counter() - began) * 1000
    print_diagnostics(old)
    print_diagnostics(new)
    if old.snapshot is None or new.snapshot is None:
        return exit_codes.CONFIG
    if old.snapshot.revision == new.snapshot.revision:
        print("no changes")
        return exit_codes.OK
    print(heading(new.changes, new.snapshot, milliseconds))
    for line in lines(new.changes):
        print(f"  {line}")
    print(clients_line(new.snapshot))
    return exit_codes.OK
