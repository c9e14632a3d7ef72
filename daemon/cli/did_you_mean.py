"""What somebody who mistyped a command, an option or a choice may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Final

LISTED_AT_MOST: Final = 8
"""Choices that are named beside a suggestion; more of them would hide it."""
_LONGEST: Final = 100
"""Characters of what was typed that are compared and shown."""

COMMANDS_ELSEWHERE: Final[Mapping[str, str]] = {
    "config": "check",
    "configure": "init",
    "daemon": "run",
    "info": "status",
    "lint": "check",
    "log": "logs",
    "mock": "simulate",
    "ping": "doctor",
    "ps": "status",
    "restart": "reload",
    "route": "explain",
    "serve": "run",
    "server": "run",
    "setup": "init",
    "start": "run",
    "tail": "logs",
    "test": "doctor",
    "up": "run",
    "validate": "check",
}
"""What other daemons call our commands."""

OTHER_WORDS: Final[Mapping[str, str]] = {
    "create": "add",
    "delete": "remove",
    "edit": "update",
    "get": "show",
    "ls": "list",
    "new": "add",
    "rm": "remove",
    "set": "update",
    "start": "enable",
    "stop": "disable",
}
"""What other command lines call our choices."""


def nearest(typed: str, known: Collection[str]) -> str:
    """The one of ``known`` that is most like ``typed``; empty where none is."""
    text = typed[:_LONGEST].lower().replace("_", "-")
    if len(text) > 1 and (begins := sorted(each for each in known if each.lower().startswith(text))):
        return begins[0]
    spelled = {each.lower(): each for each in known}
    # Half of the letters of a short word are two, which is no likeness.
    cutoff = 0.6 if len(text.strip("-")) > 2 else 0.75
    near = difflib.get_close_matches(text, spelled, n=1, cutoff=cutoff)
    return spelled[near[0]] if near else ""


def no_such_command(typed: str, known: Collection[str]) -> str:
    """``there is no command 'chekc'; did you mean 'check'?``, or all commands."""
    meant = COMMANDS_ELSEWHERE.get(typed.lower()) or nearest(typed, known)
    what = f"there is no command {shown(typed)}"
    return f"{what}; did you mean '{meant}'?" if meant else f"{what} (commands: {', '.join(known)})"


def not_a_choice(typed: object, choices: Collection[object]) -> str:
    """``'jsn' is not a choice; did you mean 'json'? (choices: text, json)``."""
    names = [str(each) for each in choices]
    meant = nearest(str(typed), names)
    if OTHER_WORDS.get(str(typed)) in names:
        meant = OTHER_WORDS[str(typed)]
    listed = f" (choices: {', '.join(names)})" if not meant or len(names) <= LISTED_AT_MOST else ""
    return f"{shown(typed)} is not a choice" + (f"; did you mean '{meant}'?" if meant else "") + listed


def shown(typed: object) -> str:
    """What was typed, in quotes and not endless."""
    text = str(typed)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
