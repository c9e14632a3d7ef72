"""``tppcd status``: the running daemon with its last reload, providers and core auths."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import OK
from daemon.cli.output import failed, print_json
from daemon.cli.status_page import page
from daemon.cli.terminal import terminal
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items

PATHS = (
    "/healthz",
    "/v0/management/auths",
    "/v0/management/packycode",
    "/v0/management/providers",
    "/v0/management/daemon",
)


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "status",
        help=COMMANDS["status"],
        description="What the last reload did and what is wrong with the configuration; each provider and key with its "
        "state and the reason. Exits 0 whenever a daemon answers, degraded or not, and 1 when none does.",
    )
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 whenever a daemon answers, degraded or not; 1 when none does."""
    client = AdminClient(find_admin_socket(os.environ, arguments.socket))
    try:
        state = state_of(client)
    except DaemonUnreachable as error:
        return failed(f"tppcd status: {error}", arguments.format, message=str(error))
    if arguments.format == "json":
        print_json(state)
    else:
        print("\n".join(page(state, terminal(sys.stdout, os.environ), time.time())))
    return OK


def state_of(client: AdminClient) -> dict[str, object]:
    """What ``--json`` prints: the bodies of the routes above, as far as the daemon has them. Raises
    DaemonUnreachable."""
    responses = [client.request("GET", path) for path in PATHS]
    health, auths, packycode, providers, daemon = (body if status == 200 else {} for status, body in responses)
    return {
        "health": health,
        "daemon": daemon,
        "auths": rows(auths, "auths"),
        "packycode": packycode,
        "disabled": [each for each in rows(providers, "providers") if each.get("enabled") is False],
    }


def rows(body: Json, name: str) -> list[Json]:
    return [each for each in items(body, name) if isinstance(each, Mapping)]
