"""The parser of a command: argparse, with did-you-mean, its own usage line in each error, and examples in the help.

1. An option that a command does not have is reported before anything else is: ``explain --modle x`` lacks ``--model``
   only because it was mistyped.
2. Wrong usage is one line on stderr below the usage of the command that was asked for, and exit code 2.
3. Help is as wide as ``$COLUMNS`` or the terminal; 80 columns where there is none.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import Any

from daemon.cli.did_you_mean import nearest, not_a_choice, shown

_NUMBER = re.compile(r"-\d")


class HelpText(argparse.HelpFormatter):
    """Descriptions keep their paragraphs, and names (``codex-relay``) are not broken at their hyphens."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
        return "\n\n".join(
            textwrap.fill(each, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
            for each in paragraphs
        )


class CommandParser(argparse.ArgumentParser):
    """A parser for one command, or for all of them. ``commands`` are the names of all; ``owners`` gives those that have
    an option, and may import them."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings.setdefault("formatter_class", HelpText)
        super().__init__(*args, **settings)
        self.commands: Collection[str] = ()
        self.owners: Callable[[str], Sequence[str]] = lambda _: ()

    @property
    def command(self) -> str:
        """``check`` of ``tppcd check``."""
        return self.prog.rpartition(" ")[2]

    def parsed(self, given: Sequence[str]) -> argparse.Namespace:
        """The arguments; exits with 2 on wrong usage, with 0 on ``--help``."""
        for option in given[: given.index("--")] if "--" in given else given:
            if self._is_unknown(option):
                self.error(self._no_such_option(option.partition("=")[0]))
        namespace, extras = self.parse_known_args(given)
        if extras:
            self.error(self._one_too_many(extras[0]))
        return namespace

    def option_strings(self) -> tuple[str, ...]:
        """Every spelling of every option."""
        return tuple(self._option_string_actions)

    def takes_value(self, option: str) -> bool:
        """Whether what follows ``option`` belongs to it."""
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs != 0

    def format_help(self) -> str:
        from daemon.cli.examples import examples_block

        return super().format_help() + examples_block(self.command)

    def _is_unknown(self, text: str) -> bool:
        """Whether it looks like an option and is none; argparse allows whole beginnings of long ones."""
        if not text.startswith("-") or text == "-" or " " in text or _NUMBER.match(text):
            return False
        name, known = text.partition("=")[0], self._option_string_actions
        if text.startswith("--"):
            return not any(each.startswith(name) for each in known)
        return name[:2] not in known

    def _no_such_option(self, option: str) -> str:
        what = f"there is no option {option[:100]}"
        if owners := self.owners(option):
            return f"{what}; it belongs to: {', '.join(f'tppcd {each}' for each in owners)}"
        ours = nearest(option, (*self.option_strings(), "--version"))
        return f"{what}; did you mean {ours}?" if ours else f"{what} (see: {self.prog} --help)"

    def _one_too_many(self, text: str) -> str:
        meant = nearest(text, self.commands) if self.command == "run" else ""
        return f"unexpected argument {shown(text)}" + (f"; did you mean 'tppcd {meant}'?" if meant else "")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, not_a_choice(value, tuple(action.choices)))
