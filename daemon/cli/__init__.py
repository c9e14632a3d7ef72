"""The command line: a table of subcommands, each in a module of its own with two functions:

    add_parser(subparsers)     adds the command, described by its line in ``COMMANDS``, and its options
    run(arguments) -> int      does it; returns the exit code, one of ``exit_codes``

Only the module of the command that runs is imported, so ``tppcd check`` loads no server code.
Plain ``tppcd`` (with or without options) is ``tppcd run``. Options may stand before the command.

Commands share ``arguments`` (options), ``output`` (text or JSON, failures), ``terminal`` (colour, width, tables),
``config_file`` (reads a config.yaml as a reload does) and ``config_change`` (changes one). Those that need the running
daemon use its admin socket (``service.admin``). ``examples`` are shown in each command's help and run by a test.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from daemon import __version__
from daemon.cli import exit_codes
from daemon.cli.command_parser import CommandParser
from daemon.cli.did_you_mean import no_such_command
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
    "help": "show the help of a command",
}
"""Name -> what it does. The module is ``daemon.cli.<name>``, see ``module_of``."""

MODULES = {"import": "import_codex_cli"}
"""Commands whose name cannot be a module's."""

WITHOUT_COMMAND = frozenset(("-h", "--help", "-V", "--version"))
"""Options of ``tppcd`` itself."""


def module_of(name: str) -> str:
    """The module of a command, below ``daemon.cli``."""
    return MODULES.get(name, name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code (argparse exits by itself on wrong usage and on ``--help``)."""
    prepare()
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = _command(arguments)
    try:
        if name is None:
            return _without_command(arguments)
        return _run(name, arguments)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) left. Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.FAILURE


def _command(arguments: list[str]) -> str | None:
    """The command to run, which ``arguments`` begins with afterwards; None where there is none."""
    first = arguments[0] if arguments else "run"
    if first in COMMANDS:
        arguments[:1] = [first]
        return first
    if not first.startswith("-"):
        return None
    at = next((at for at, each in enumerate(arguments) if each in COMMANDS and not _is_value(arguments, at)), None)
    if at is None and set(arguments) & WITHOUT_COMMAND and set(arguments) <= {*WITHOUT_COMMAND, "--json"}:
        return None
    name = "run" if at is None else arguments.pop(at)
    arguments.insert(0, name)
    return name


def _is_value(arguments: Sequence[str], at: int) -> bool:
    """Whether the word, which is the name of a command, belongs to the option before it: ``--config check``."""
    before = arguments[at - 1]
    return before.startswith("-") and any(parser_of(name).takes_value(before) for name in ("run", arguments[at]))


def _without_command(arguments: list[str]) -> int:
    parser = whole_parser()
    if not arguments[0].startswith("-"):
        parser.error(no_such_command(arguments[0], COMMANDS))
    chosen = parser.parsed(arguments)
    if chosen.version and chosen.json:
        print(f'{{"version": "{__version__}"}}')
    elif chosen.version:
        print(f"tppcd {__version__}")
    return exit_codes.OK


def _run(name: str, arguments: list[str]) -> int:
    parsed = parser_of(name).parsed(arguments[1:])
    code: int = importlib.import_module(f"daemon.cli.{module_of(name)}").run(parsed)
    return code


def parser_of(name: str) -> CommandParser:
    """The parser of one command; imports its module."""
    subparsers = CommandParser(prog="tppcd").add_subparsers()
    importlib.import_module(f"daemon.cli.{module_of(name)}").add_parser(subparsers)
    parser: CommandParser = subparsers.choices[name]
    parser.commands, parser.owners = COMMANDS, commands_with
    return parser


def commands_with(option: str) -> tuple[str, ...]:
    """The commands that have ``option``; imports every command."""
    return tuple(name for name in COMMANDS if option in parser_of(name).option_strings())


def whole_parser() -> CommandParser:
    """The parser of ``tppcd`` itself, with the list of commands in its help."""
    parser = CommandParser(
        prog="tppcd",
        usage="tppcd [COMMAND] [options]",
        description="A gateway daemon that watches config.yaml and serves coding agents through third-party providers.",
        epilog="Without a command: run. `tppcd COMMAND --help` or `tppcd help COMMAND` shows options and examples.",
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    parser.add_argument("--json", action="store_true", help="with --version: as JSON")
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, summary in COMMANDS.items():
        subparsers.add_parser(name, help=summary)
    return parser
