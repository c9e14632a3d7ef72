"""``tppcd completion SHELL``: completion for bash, zsh and fish, from the parsers themselves."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator

from msgspec import Struct

from daemon.cli import COMMANDS, exit_codes, module_of
from daemon.cli.arguments import Subparsers


class Words(Struct, frozen=True):
    """What may follow a command: options with their choices, and positional choices."""

    options: dict[str, tuple[str, ...]]
    choices: tuple[str, ...]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "completion", help=COMMANDS["completion"], description='For bash: eval "$(tppcd completion bash)".'
    )
    parser.add_argument("shell", choices=tuple(SHELLS))


def run(arguments: argparse.Namespace) -> int:
    print("\n".join(SHELLS[arguments.shell]({name: words(name) for name in COMMANDS})))
    return exit_codes.OK


def words(name: str) -> Words:
    """What the command's own parser takes."""
    adder = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"daemon.cli.{module_of(name)}").add_parser(adder)
    parser: argparse.ArgumentParser = adder.choices[name]
    options: dict[str, tuple[str, ...]] = {}
    choices: list[str] = []
    for action in parser._actions:
        listed = tuple(str(each) for each in action.choices or ())
        for option in action.option_strings:
            options[option] = listed
        if not action.option_strings:
            choices += listed
    return Words(options, tuple(choices))


def bash(commands: dict[str, Words]) -> Iterator[str]:
    """One function: the choices of the option before, else what the command takes, else the commands."""
    yield "_tppcd() {"
    yield "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=''"
    yield '  case "${COMP_WORDS[1]} $before" in'
    for name, known in commands.items():
        for option, listed in known.options.items():
            if listed:
                yield f"    '{name} {option}') words='{' '.join(listed)}' ;;"
    yield '    *) case "${COMP_WORDS[1]}" in'
    for name, known in commands.items():
        yield f"      {name}) words='{' '.join((*known.choices, *known.options))}' ;;"
    yield "    esac ;;"
    yield "  esac"
    yield f"  [ \"$COMP_CWORD\" = 1 ] && words='{' '.join(commands)}'"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield "complete -o default -F _tppcd tppcd"


def zsh(commands: dict[str, Words]) -> Iterator[str]:
    """Reads the script for bash."""
    yield "autoload -U +X bashcompinit && bashcompinit"
    yield from bash(commands)


def fish(commands: dict[str, Words]) -> Iterator[str]:
    """One line per command, list of choices and option."""
    for name in commands:
        yield f"complete -c tppcd -n __fish_use_subcommand -a {name} -d '{_quoted(COMMANDS[name])}'"
    for name, known in commands.items():
        prefix = f"complete -c tppcd -n '__fish_seen_subcommand_from {name}'"
        if known.choices:
            yield f"{prefix} -a '{' '.join(known.choices)}'"
        for option, listed in known.options.items():
            spelled = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            yield f"{prefix} {spelled}" + (f" -x -a '{' '.join(listed)}'" if listed else "")


def _quoted(text: str) -> str:
    return text.replace("'", "\\'")


SHELLS: dict[str, Callable[[dict[str, Words]], Iterator[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
