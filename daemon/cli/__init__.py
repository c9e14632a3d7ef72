"""The command line: a table of subcommands, each in a module of its own with two functions:

    add_parser(subparsers)     adds the command, described by its line in ``COMMANDS``, and its options
    run(arguments) -> int      does it; returns the exit code, one of ``exit_codes``

Only the module of the command that runs is imported, so ``tppcd check`` loads no server code.
Plain ``tppcd`` (with or without options) is ``tppcd run``.

Commands share ``arguments`` (options), ``config_file`` (reads a config.yaml as a reload does) and
``config_change`` (changes one). Those that need the running daemon use its admin socket (``service.admin``).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from daemon import __version__
from daemon.cli import exit_codes
from daemon.cli.standard_streams import prepare

COMMANDS: dict[str, str] = {
    "run": "run the daemon (the default)",
    "check": "report every problem in config.yaml",
    "diff": "show what a reload from one config.yaml to another would change",
    "schema": "print the JSON Schema of config.yaml",
    "explain": "show which providers serve a model name, without sending anything",
    "simulate": "run a local upstream that needs no key",
    "reload": "make the running daemon read its config.yaml now",
    "status": "show the state of the running daemon",
    "events": "show or follow the events of the running daemon",
    "logs": "show the newest log lines of the running daemon",
    "init": "write a commented config.yaml",
    "doctor": "test the file, the watch and the providers, without a paid call",
    "client": "print the settings that a client needs for this daemon",
    "import": "import the provider that Codex CLI uses",
    "migrate": "turn the packycode block into a tppc provider",
    "provider": "manage the providers of the store of the running daemon",
    "store": "maintain the database of the provider store",
    "completion": "print the completion script of a shell",
}
"""Name -> what it does. The module is ``daemon.cli.<name>``, see ``module_of``."""

MODULES = {"import": "import_codex_cli"}
"""Commands whose name cannot be a module's."""


def module_of(name: str) -> str:
    """The module of a command, below ``daemon.cli``."""
    return MODULES.get(name, name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code (argparse exits by itself on wrong usage, ``--help``, ``--version``)."""
    prepare()
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = _command(arguments)
    try:
        if name is None:
            _parser(None).parse_args(arguments)
            return exit_codes.USAGE
        return _run(name, arguments)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) left. Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.FAILURE


def _command(arguments: list[str]) -> str | None:
    """The command to run; completes ``arguments`` where it is the default one."""
    if arguments and arguments[0] in COMMANDS:
        return arguments[0]
    if arguments and (not arguments[0].startswith("-") or arguments[0] in ("-h", "--help", "-V", "--version")):
        return None
    arguments.insert(0, "run")
    return "run"


def _run(name: str, arguments: list[str]) -> int:
    parsed = _parser(name).parse_args(arguments)
    code: int = importlib.import_module(f"daemon.cli.{module_of(name)}").run(parsed)
    return code


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tppcd",
        description="A gateway daemon that watches config.yaml and serves coding agents through third-party providers.",
        epilog="Without a command: run. `tppcd COMMAND --help` shows the options of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"tppcd {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for name, summary in COMMANDS.items():
        if name == chosen:
            importlib.import_module(f"daemon.cli.{module_of(name)}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser
