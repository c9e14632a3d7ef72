"""``tppcd reload``: makes the running daemon read its configuration now, waits, and shows the outcome.

The unit's ``ExecReload=``: exit 1 makes ``systemctl reload`` fail when the configuration was
refused, while the service keeps the previous one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import FAILURE, OK
from daemon.cli.output import failed, print_json
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items

ROUTE = "/v0/management/reload"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "reload",
        help=COMMANDS["reload"],
        description="Waits for the result. Exits 1 if the configuration is refused, in whole or in part; what was in "
        "use before stays in use then.",
    )
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 applied or unchanged, 1 refused in whole or in part, or no daemon."""
    try:
        status, body = AdminClient(find_admin_socket(os.environ, arguments.socket)).request("POST", ROUTE)
    except DaemonUnreachable as error:
        return failed(f"tppcd reload: {error}", arguments.format, message=str(error))
    if status != 200:
        lines = _refused(status, body)
        details = items(body, "details") or items(body, "diagnostics")
        return failed("\n".join(lines), arguments.format, message=_reason(status, body), diagnostics=details)
    ok = bool(body.get("ok", True))
    if arguments.format == "json":
        print_json(body)
    elif ok:
        print("\n".join(_applied(body)))
    if not ok:
        print("\n".join(_refused(status, body)), file=sys.stderr)
    return OK if ok else FAILURE


def _applied(body: Json) -> list[str]:
    changes = [str(line) for line in items(body, "changes")]
    return changes or [f"nothing changed: generation {body.get('generation', '?')} stays in force"]


def _refused(status: int, body: Json) -> list[str]:
    lines = [diagnostic_line(item) for item in items(body, "details") or items(body, "diagnostics")]
    if status == 200:
        return [*lines, "tppcd reload: not all of it is in force, see above"]
    return [*(lines or [_reason(status, body)]), "tppcd reload: refused; the previous configuration stays in use"]


def _reason(status: int, body: Json) -> str:
    return str(body.get("message") or body.get("error") or f"the daemon answered {status}")


def diagnostic_line(item: object) -> str:
    """One diagnostic of the management API the way compilers print theirs."""
    if not isinstance(item, Mapping):
        return str(item)
    place = f"config.yaml:{item['line']}:{item['column']}" if item.get("line") else item.get("about") or "config.yaml"
    subject = f"{item['path']}: " if item.get("path") else ""
    hint = f" ({item['hint']})" if item.get("hint") else ""
    return f"{place}: {item.get('severity', 'error')}: {subject}{item.get('message', '')}{hint}"
