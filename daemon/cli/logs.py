"""``tppcd logs``: the newest log lines of the running daemon, by request id, provider, level and status."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import OK
from daemon.cli.output import failed
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items
from daemon.telemetry.colour import is_coloured
from daemon.telemetry.log_lines import TextLines
from daemon.telemetry.log_ring import SEVERITIES, is_status

ROUTE = "/v0/management/logs"
POLL_SECONDS = 0.5
HEAD = ("time", "level", "message", "logger", "exception")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "logs", help=COMMANDS["logs"], description="The daemon keeps the newest 2000 lines. All conditions must hold."
    )
    parser.add_argument(
        "--request-id", metavar="ID", help="only lines of this request (header request-id of its response)"
    )
    parser.add_argument("--provider", metavar="NAME", help="only lines that name this provider")
    parser.add_argument("--level", choices=tuple(SEVERITIES), help="only lines of this level or above")
    parser.add_argument(
        "--status",
        action="append",
        type=_statuses,
        metavar="STATUS",
        help="only lines with this HTTP status, or of this class: 429, 4xx, 5xx; may be repeated",
    )
    parser.add_argument("--lines", "-n", type=int, default=100, metavar="N", help="at most N lines (default: 100)")
    parser.add_argument("--follow", "-f", action="store_true", help="show lines as they come, until Ctrl+C")
    add_format(parser)
    add_socket(parser)


def _statuses(text: str) -> list[str]:
    """``4xx`` or ``429,503``."""
    statuses = [each.strip() for each in text.split(",")]
    if not all(map(is_status, statuses)):
        raise argparse.ArgumentTypeError(f"{text!r} is not an HTTP status or a class of them (429, 4xx)")
    return statuses


def run(arguments: argparse.Namespace) -> int:
    """0 for the recent lines, or after Ctrl+C; 1 when no daemon answers."""
    client = AdminClient(find_admin_socket(os.environ, arguments.socket))
    filters = {"request-id": arguments.request_id, "provider": arguments.provider, "level": arguments.level}
    query = [(name, value) for name, value in filters.items() if value]
    query += [("status", each) for group in arguments.status or () for each in group]
    try:
        last = _print_new(client, [*query, ("limit", str(max(0, arguments.lines)))], arguments.format)
        while arguments.follow:
            time.sleep(POLL_SECONDS)
            newest = _print_new(client, [*query, ("limit", "2000"), ("after", str(last))], arguments.format)
            if newest < last:  # another daemon answers now, which counts from 1
                newest = _print_new(client, [*query, ("limit", "2000")], arguments.format)
            last = newest
    except DaemonUnreachable as error:
        return failed(f"tppcd logs: {error}", arguments.format, message=str(error))
    except (KeyboardInterrupt, BrokenPipeError):
        return OK
    return OK


def _print_new(client: AdminClient, query: Iterable[tuple[str, str]], format: str) -> int:
    """Prints the new lines; returns the id to continue from."""
    status, body = client.request("GET", f"{ROUTE}?{urlencode(tuple(query))}")
    if status != 200:
        raise DaemonUnreachable(f"the daemon answered {status} to GET {ROUTE}")
    terminal = sys.stdout.isatty()
    render = TextLines(colour=is_coloured(sys.stdout, os.environ), brief=terminal, indent_tracebacks=terminal)
    for line in items(body, "lines"):
        text = (
            _text(line, render) if format == "text" and isinstance(line, dict) else json.dumps(line, ensure_ascii=False)
        )
        print(text, flush=True)
    last = body.get("last")
    return last if isinstance(last, int) else 0


def _text(line: Json, render: TextLines) -> str:
    """The line as the daemon's own log has it."""
    exception = line.get("exception")
    record: Mapping[str, object] = {
        "at": _unix(line.get("time")),
        "level": str(line.get("level", "")).upper(),
        "logger": line.get("logger", ""),
        "message": line.get("message", ""),
        "traceback": exception.split("\n") if isinstance(exception, str) else None,
        "extra": {key: value for key, value in line.items() if key not in HEAD},
    }
    return render(record).removesuffix("\n")


def _unix(at: object) -> float:
    try:
        return datetime.fromisoformat(str(at)).timestamp()
    except ValueError:  # of another version of the daemon
        return 0.0
