"""``tppcd completion SHELL``: completion for bash, zsh and fish, from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from msgspec import Struct

from daemon.cli import COMMANDS, exit_codes, parser_of
from daemon.cli.arguments import Subparsers

FILES = frozenset(("--config", "--socket", "path", "OLD", "NEW"))
"""Options and arguments whose value is a file."""


class Words(Struct, frozen=True):
    """What may follow a command: options with their choices (empty: any text; None: no value), positional choices, and
    whether an argument is a file. ``helps``: option -> what it is for."""

    options: dict[str, tuple[str, ...] | None]
    choices: tuple[str, ...]
    helps: dict[str, str]
    takes_files: bool


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "completion",
        help=COMMANDS["completion"],
        description="Commands, options and choices, for an interactive shell. Put the line for yours into its startup "
        "file.",
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="which shell")


def run(arguments: argparse.Namespace) -> int:
    print("\n".join(SHELLS[arguments.shell]({name: words(name) for name in COMMANDS})))
    return exit_codes.OK


def words(name: str) -> Words:
    """What the command's own parser takes."""
    options: dict[str, tuple[str, ...] | None] = {}
    helps: dict[str, str] = {}
    choices: list[str] = []
    takes_files = False
    for action in parser_of(name)._actions:
        listed = tuple(str(each) for each in action.choices or ())
        for option in action.option_strings:
            options[option] = None if action.nargs == 0 else listed
            helps[option] = (action.help or "").partition(";")[0].partition(" (")[0].replace("%(default)s", "")
        if not action.option_strings:
            choices += listed
            takes_files |= (action.metavar or action.dest) in FILES
    return Words(options, tuple(choices), helps, takes_files)


def bash(commands: dict[str, Words]) -> Iterator[str]:
    """One function: the choices of the option before, files where it takes one, else what the command takes, else the
    commands."""
    yield "_tppcd() {"
    yield "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=''"
    yield '  case "${COMP_WORDS[1]} $before" in'
    for name, known in commands.items():
        for option, listed in known.options.items():
            if listed is not None:
                # Of any other text nothing is known; files are what `complete -o default` offers.
                yield f"    '{name} {option}') words='{' '.join(listed)}' ;;"
    yield '    *) case "${COMP_WORDS[1]}" in'
    for name, known in commands.items():
        yield f"      {name}) words='{' '.join((*known.choices, *known.options))}' ;;"
    yield "    esac ;;"
    yield "  esac"
    yield f"  [ \"$COMP_CWORD\" = 1 ] && words='{' '.join((*commands, '--help', '--version'))}'"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield "complete -o default -F _tppcd tppcd"


def zsh(commands: dict[str, Words]) -> Iterator[str]:
    """Reads the script for bash, whether it is sourced or found in ``fpath``."""
    yield "#compdef tppcd"
    yield "autoload -U +X bashcompinit && bashcompinit"
    yield from bash(commands)


def fish(commands: dict[str, Words]) -> Iterator[str]:
    """One line per command, list of choices and option."""
    for name in commands:
        yield f"complete -c tppcd -f -n __fish_use_subcommand -a {name} -d '{_quoted(COMMANDS[name])}'"
    for name, known in commands.items():
        prefix = f"complete -c tppcd -n '__fish_seen_subcommand_from {name}'"
        if known.choices:
            yield f"{prefix} -f -a '{' '.join(known.choices)}'"
        elif not known.takes_files:
            yield f"{prefix} -f"
        for option, listed in known.options.items():
            spelled = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            value = "" if listed is None else f" -x -a '{' '.join(listed)}'" if listed else " -r"
            what = f" -d '{_quoted(known.helps[option])}'" if known.helps[option] else ""
            yield f"{prefix} {spelled}{value}{what}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


SHELLS: dict[str, Callable[[dict[str, Words]], Iterator[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
