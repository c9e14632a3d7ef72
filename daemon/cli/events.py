"""``tppcd events``: change summaries, reloads and auth state changes of the running daemon.

Without ``--follow`` the recent events; with it, new ones as they come, until Ctrl+C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import FAILURE, OK
from daemon.service.admin import AdminClient, DaemonUnreachable, find_admin_socket

ROUTE = "/v0/management/events"
_REPLAY_SECONDS = 0.5
"""The recent events come at once; the stream has no end, so this much silence ends them."""
_FOLLOW_SECONDS = 60.0
"""The daemon sends a comment every fifteen seconds; this much silence means that it hangs."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "events",
        help=COMMANDS["events"],
        description="Change summaries, reloads and auth state changes: the recent ones, or new ones as they come.",
    )
    add_socket(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="show events as they come, until Ctrl+C")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 for the recent events or after Ctrl+C, 1 when no daemon answers or the followed one ended."""
    path = find_admin_socket(os.environ, arguments.socket)
    client = AdminClient(path, _FOLLOW_SECONDS if arguments.follow else _REPLAY_SECONDS)
    try:
        for kind, data in client.events(ROUTE, after=None if arguments.follow else 0):
            print(_line(kind, data, arguments.format), flush=True)
    except DaemonUnreachable as error:
        print(f"tppcd events: {error}", file=sys.stderr)
        return FAILURE
    except (KeyboardInterrupt, BrokenPipeError):
        return OK
    if arguments.follow:
        print("tppcd events: the daemon ended the stream", file=sys.stderr)
        return FAILURE
    return OK


def _line(kind: str, data: object, format: str) -> str:
    if format == "json" or not isinstance(data, Mapping):
        return json.dumps(data, ensure_ascii=False)
    at = data.get("at")
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if isinstance(at, int | float) else "?"
    return f"{clock}  {kind:<12}  {data.get('message', '')}"
