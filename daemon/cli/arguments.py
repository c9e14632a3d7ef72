"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from typing import TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""The argument of ``add_parser`` in each command's module."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """``--config``, for commands that read the file and need no daemon."""
    parser.add_argument("--config", help="default: $TPPCD_CONFIG or config.yaml")


def add_socket(parser: argparse.ArgumentParser) -> None:
    """``--socket``, for commands that need the running daemon."""
    parser.add_argument(
        "--socket", metavar="PATH", help="admin socket of the daemon (default: the daemon's usual path)"
    )


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """``--format``: lines for people, or JSON for scripts; ``--json`` is short for the latter."""
    parser.add_argument("--format", choices=("text", "json", *more), default="text", help="default: %(default)s")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")


def port(text: str) -> int:
    """The type of ``--port``. 0 to 65535; anything else is wrong usage."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
