"""``tppcd logs``: the newest log lines of the running daemon, filtered by request id, provider and level."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import FAILURE, OK
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items

ROUTE = "/v0/management/logs"
POLL_SECONDS = 0.5
HEAD = ("time", "level", "message", "logger")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("logs", help=COMMANDS["logs"], description="The daemon keeps the newest 2000 lines.")
    parser.add_argument(
        "--request-id", metavar="ID", help="only lines of this request (header request-id of its response)"
    )
    parser.add_argument("--provider", metavar="NAME", help="only lines that name this provider")
    parser.add_argument(
        "--level", choices=("debug", "info", "warning", "error"), help="only lines of this level or above"
    )
    parser.add_argument("--lines", "-n", type=int, default=100, metavar="N", help="at most N lines (default: 100)")
    parser.add_argument("--follow", "-f", action="store_true", help="show lines as they come, until Ctrl+C")
    add_format(parser)
    add_socket(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 for the recent lines, or after Ctrl+C; 1 when no daemon answers."""
    client = AdminClient(find_admin_socket(os.environ, arguments.socket))
    filters = {"request-id": arguments.request_id, "provider": arguments.provider, "level": arguments.level}
    query = {name: value for name, value in filters.items() if value} | {"limit": str(max(0, arguments.lines))}
    try:
        last = _print_new(client, query, arguments.format)
        while arguments.follow:
            time.sleep(POLL_SECONDS)
            last = _print_new(client, {**query, "limit": "2000", "after": str(last)}, arguments.format)
    except DaemonUnreachable as error:
        print(f"tppcd logs: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        return OK
    return OK


def _print_new(client: AdminClient, query: Mapping[str, str], format: str) -> int:
    """Prints the new lines; returns the id to continue from."""
    status, body = client.request("GET", f"{ROUTE}?{urlencode(query)}")
    if status != 200:
        raise DaemonUnreachable(f"the daemon answered {status} to GET {ROUTE}")
    for line in items(body, "lines"):
        text = _text(line) if format == "text" and isinstance(line, dict) else json.dumps(line, ensure_ascii=False)
        print(text, flush=True)
    last = body.get("last")
    return last if isinstance(last, int) else 0


def _text(line: Json) -> str:
    fields = " ".join(f"{key}={value}" for key, value in line.items() if key not in HEAD and value is not None)
    return (
        f"{line.get('time', '?')} {str(line.get('level', '')).upper():<7} {line.get('message', '')} {fields}".rstrip()
    )
