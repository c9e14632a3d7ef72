"""``tppcd store ACTION``: the database of the provider store itself, with or without a running daemon.

Where it is, and the encryption key, are those of config.yaml and of the environment, as the daemon reads them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_config, add_format
from daemon.cli.config_file import STDIN, default_path, read
from daemon.cli.exit_codes import OK
from daemon.cli.output import failed, not_valid, print_json
from daemon.config.sections import ProviderStore
from daemon.service.admin import state_directory
from daemon.store.errors import StoreError
from daemon.store.place import database_place
from daemon.store.source import StoreSource


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "store",
        help=COMMANDS["store"],
        description="`migrate` brings the schema up to date, as each start of the daemon does. `rekey` encrypts all "
        "keys with the newest encryption key; a key that was generated is replaced by a new one.",
    )
    parser.add_argument("action", choices=tuple(ACTIONS), help="what to do")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 done, 1 the database refuses or is away, 78 config.yaml is not valid."""
    path = arguments.config or default_path(os.environ)
    checked = read(path)
    if checked.snapshot is None:
        return not_valid(checked.diagnostics, arguments.format)
    base = Path() if path == STDIN else Path(path).parent
    try:
        line, document = ACTIONS[arguments.action](checked.snapshot.config.provider_store, base)
    except StoreError as error:
        return failed(f"tppcd store: {error}", arguments.format, message=str(error))
    if arguments.format == "json":
        print_json(document)
    else:
        print(line)
    return OK


Outcome = tuple[str, Mapping[str, object]]
"""What was done, for people and for scripts."""


def _migrate(settings: ProviderStore, base: Path) -> Outcome:
    from daemon.store.database import Database  # SQLAlchemy: 0.3 s that `--help` need not wait

    database = Database(database_place(settings.url, state_directory(os.environ)))
    try:
        done = database.migrate()
    finally:
        database.close()
    what = f"schema {done[-1]} is in place" if done else "nothing to do"
    return f"{database.place}: {what}", {"database": str(database.place), "applied": list(done)}


def _rekey(settings: ProviderStore, base: Path) -> Outcome:
    state = state_directory(os.environ)
    source = StoreSource(
        settings.url, encryption_key=settings.encryption_key, state_dir=state, environ=os.environ, base=base
    )
    try:
        count = asyncio.run(source.rekey())
    finally:
        source.close()
    return f"{count} {'key' if count == 1 else 'keys'} encrypted again", {"keys": count}


ACTIONS: Final[dict[str, Callable[[ProviderStore, Path], Outcome]]] = {"migrate": _migrate, "rekey": _rekey}
