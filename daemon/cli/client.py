"""``tppcd client NAME``: what a client needs to use this daemon, printed, or written into its own configuration.

Printed: lines for a shell, or a block for the file that the first line names, without keys. ``--write`` changes the
client's file and keeps its comments; ``--undo`` takes that back. What was there before is kept in the state directory.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from typing import Final

from msgspec import json

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers, add_config
from daemon.cli.clients.change import Outcome, ValueChange, undo, write
from daemon.cli.clients.file_text import NotChangeable, Unparsable
from daemon.cli.clients.gateway import ANY_KEY, Gateway, gateway_of
from daemon.cli.clients.record import FOLDER, read_record, record_path
from daemon.cli.clients.shown import CLIENTS
from daemon.cli.clients.targets import TARGETS, ClientFile, target_of
from daemon.cli.config_file import default_path, print_diagnostics, read
from daemon.config.urls import http_fault, shown
from daemon.service.admin import state_directory
from daemon.sources.lease import ignore_lease_breaks
from daemon.sources.reading import Unreadable
from daemon.sources.write import WriteRefused

_FOR_SHELL: Final = ", ".join(name for name, each in CLIENTS.items() if each.for_shell)
_FOR_FILE: Final = ", ".join(name for name, each in CLIENTS.items() if not each.for_shell)
ABOUT: Final = (
    f"Lines for a shell, by eval: {_FOR_SHELL}. A block for the file that its first line names: {_FOR_FILE}. "
    "With --write it is put into the client's own file, comments kept; --undo takes that back."
)
_SECRET: Final = re.compile(r"(?<!env_)(?:token|key|secret|password|authorization)$", re.IGNORECASE)
_OTHERS: Final = 0o077
_LONGEST: Final = 60
"""Characters of a value that are shown."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("client", help=COMMANDS["client"], description=ABOUT)
    parser.add_argument("name", choices=tuple(CLIENTS), help="which client")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="change the client's own file, keeping its comments")
    action.add_argument("--undo", action="store_true", help="take back what --write has changed")
    parser.add_argument("--dry-run", action="store_true", help="with --write or --undo: only show the changes")
    parser.add_argument("--file", metavar="PATH", default="", help="another file than the client's usual one")
    parser.add_argument("--url", default="", help="where the client reaches the daemon (default: host and port)")
    parser.add_argument("--model", default="", help="the model to ask for (default: one that is served)")
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", default="text", help="print one JSON object"
    )
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    if (arguments.write or arguments.undo) and arguments.name not in TARGETS:
        return _failed(
            f"{arguments.name} has no file of its own: eval what `tppcd client {arguments.name}` prints",
            arguments.format,
        )
    if arguments.url and (fault := http_fault(arguments.url)):
        print(f"tppcd client: --url is not usable: {fault}", file=sys.stderr)
        return exit_codes.USAGE
    if arguments.undo:
        nothing = Gateway(url="", model="", models=())
        return _change(arguments, target_of(arguments.name, nothing, os.environ, _written_file(arguments)))
    checked = read(arguments.config or default_path(os.environ))
    if checked.snapshot is None:
        print_diagnostics(checked)
        return exit_codes.CONFIG
    gateway = gateway_of(checked.snapshot, url=arguments.url, model=arguments.model)
    if arguments.write:
        return _change(arguments, target_of(arguments.name, gateway, os.environ, arguments.file))
    client = CLIENTS[arguments.name]
    text = "\n".join(client.lines(gateway))
    if arguments.format == "json":
        facts = {"client": arguments.name, "url": gateway.url, "model": gateway.model, "models": gateway.models}
        print(_json({**facts, "window": gateway.claude_window, "for_shell": client.for_shell, "text": text}))
    else:
        print(text)
    return exit_codes.OK


def _written_file(arguments: argparse.Namespace) -> str:
    """The only file that was written for this client, where none is named."""
    if arguments.file:
        return str(arguments.file)
    records = [read_record(path) for path in (state_directory(os.environ) / FOLDER).glob(f"{arguments.name}-*.json")]
    files = [each.file for each in records if each is not None]
    return files[0] if len(files) == 1 else ""


def _change(arguments: argparse.Namespace, target: ClientFile) -> int:
    ignore_lease_breaks()
    act = undo if arguments.undo else write
    try:
        record_at = record_path(state_directory(os.environ), target.client, target.file)
        outcome = act(target, record_at, dry_run=arguments.dry_run)
    except Unparsable as why:
        return _failed(
            f"{target.file}:{why.line}:{why.column}: {why.reason} ({why.hint}); nothing was written", arguments.format
        )
    except NotChangeable as why:
        return _failed(f"{target.file}{':' if why.has_place else ': '}{why}; nothing was written", arguments.format)
    except Unreadable as why:
        return _failed(f"{why.about(str(target.file))} ({why.hint}); nothing was written", arguments.format)
    except WriteRefused as why:
        return _failed(f"{target.file}: {why.message}; nothing was written", arguments.format)
    except OSError as error:
        return _failed(
            f"{error.filename or target.file}: {(error.strerror or '').lower()}; nothing was written", arguments.format
        )
    if arguments.format == "json":
        print(_json(_facts(target, outcome, dry_run=arguments.dry_run)))
    else:
        print("\n".join(_lines(target, outcome, dry_run=arguments.dry_run)))
    for warning in _warnings(target, outcome):
        print(warning, file=sys.stderr)
    return exit_codes.OK


def _lines(target: ClientFile, outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    file = target.file
    match outcome.result:
        case "unchanged":
            yield f"{file} needs no change: it is set up for this daemon"
        case "nothing to undo":
            yield f"nothing to take back: {file} has not been written by tppcd client {target.client} --write"
        case "gone":
            yield f"{file} is not there any more: nothing to take back"
        case "written":
            yield f"{'would write' if dry_run else 'wrote'} {file}"
        case "undone":
            yield f"{'would take' if dry_run else 'took'} back the changes in {file}"
        case "removed":
            yield f"{'would remove' if dry_run else 'removed'} {file}, which tppcd had made"
    for change in outcome.changes:
        yield f"  {_described(change)}"
    for path in outcome.left:
        yield f"  {'.'.join(path)}: left as it is, since it was changed after tppcd had written it"
    if outcome.result == "written" and not dry_run:
        yield f"take it back with: tppcd client {target.client} --undo"


def _described(change: ValueChange) -> str:
    name = ".".join(change.path)
    if change.after is None:
        return f"{name}: removed"
    was = "" if change.before is None else f" (was {_shown(change.path, change.before)})"
    return f"{name}: {_shown(change.path, change.after)}{was}"


def _shown(path: tuple[str, ...], value: object) -> str:
    """A value as it may be seen: no key, and of a URL the host."""
    if _SECRET.search(path[-1]) and value != ANY_KEY and not str(value).startswith("{env:"):
        return "***"
    text = ", ".join(map(str, value)) if isinstance(value, dict | list) else str(value)
    if "://" in text and "@" in text:
        text = shown(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _warnings(target: ClientFile, outcome: Outcome) -> Iterator[str]:
    for path, hint in outcome.rivals:
        yield f"warning: {target.file} also has {'.'.join(path)} ({hint})"
    has_key = any(_shown(path, value) == "***" for path, value in target.values.items() if value is not None)
    if outcome.result in ("written", "unchanged") and outcome.mode & _OTHERS and has_key:
        yield f"warning: others can read {target.file}, which has a key in it (chmod 600 {target.file})"


def _facts(target: ClientFile, outcome: Outcome, *, dry_run: bool) -> dict[str, object]:
    return {
        "client": target.client,
        "file": str(target.file),
        "result": outcome.result,
        "dry_run": dry_run,
        "changes": [
            {
                "name": ".".join(each.path),
                "before": None if each.before is None else _shown(each.path, each.before),
                "after": None if each.after is None else _shown(each.path, each.after),
            }
            for each in outcome.changes
        ],
        "left": [".".join(path) for path in outcome.left],
        "warnings": list(_warnings(target, outcome)),
    }


def _json(facts: dict[str, object]) -> str:
    return json.format(json.encode(facts), indent=2).decode()


def _failed(message: str, format: str) -> int:
    print(f"tppcd: {message}", file=sys.stderr)
    if format == "json":
        print(_json({"error": {"message": message}}))
    return exit_codes.FAILURE
