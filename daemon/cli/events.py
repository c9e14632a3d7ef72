"""``tppcd events``: change summaries, reloads and auth state changes of the running daemon.

Without ``--follow`` the recent events; with it, new ones as they come, until Ctrl+C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import FAILURE, OK
from daemon.cli.output import failed
from daemon.service.admin import AdminClient, DaemonUnreachable, find_admin_socket
from daemon.telemetry.local_time import line_time

ROUTE = "/v0/management/events"
_REPLAY_SECONDS = 0.5
"""The recent events come at once; the stream has no end, so this much silence ends them."""
_FOLLOW_SECONDS = 60.0
"""The daemon sends a comment every fifteen seconds; this much silence means that it hangs."""
_USUAL_WIDTH: Final = 18
"""Of the kinds' column while events are followed; a longer kind makes it wider."""

Event: TypeAlias = "tuple[str, object]"
"""Kind and data."""


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
    try:
        if not arguments.follow:
            _print(_recent(AdminClient(path, _REPLAY_SECONDS)), arguments.format)
            return OK
        width = _USUAL_WIDTH
        for event in AdminClient(path, _FOLLOW_SECONDS).events(ROUTE):
            width = _print([event], arguments.format, width)
    except DaemonUnreachable as error:
        return failed(f"tppcd events: {error}", arguments.format, message=str(error))
    except (KeyboardInterrupt, BrokenPipeError):
        return OK
    print("tppcd events: the daemon ended the stream", file=sys.stderr)
    return FAILURE


def _recent(client: AdminClient) -> list[Event]:
    """What the daemon has kept; what happens from now on is left out, for it may never fall silent."""
    began, events = time.time(), []
    for kind, data in client.events(ROUTE, after=0):
        at = data.get("at") if isinstance(data, Mapping) else None
        if isinstance(at, int | float) and at > began:
            break
        events.append((kind, data))
    return events


def _print(events: Sequence[Event], format: str, width: int = 0) -> int:
    """Prints them with the kinds in one column, of ``width`` at least; returns its width."""
    width = max([width, *(len(kind) for kind, _ in events)])
    for kind, data in events:
        print(_line(kind, data, format, width), flush=True)
    return width


def _line(kind: str, data: object, format: str, width: int) -> str:
    if format == "json" or not isinstance(data, Mapping):
        return json.dumps(data, ensure_ascii=False)
    at = data.get("at")
    clock = line_time(at) if isinstance(at, int | float) else "?"
    return f"{clock}  {kind:<{width}}  {data.get('message', '')}"
