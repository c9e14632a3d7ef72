"""``tppcd help [COMMAND]``: what ``tppcd COMMAND --help`` prints."""

from __future__ import annotations

import argparse

from daemon.cli import COMMANDS, exit_codes, parser_of, whole_parser
from daemon.cli.arguments import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "help", help=COMMANDS["help"], description="The same page as with --help; without a command, the list of them."
    )
    parser.add_argument("command", metavar="COMMAND", nargs="?", choices=tuple(COMMANDS), help="the command")


def run(arguments: argparse.Namespace) -> int:
    parser = parser_of(arguments.command) if arguments.command else whole_parser()
    print(parser.format_help(), end="")
    return exit_codes.OK
