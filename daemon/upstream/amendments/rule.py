"""What an amendment is, and what a row of the tables says of one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

from daemon.wires.base import Change

MOST_AMENDMENTS: Final = 8
"""Times that one request is amended and asked again: upstreams complain of one thing at a time."""


class Amendment(Struct, frozen=True):
    """One change of the outgoing request: a rule of the table, and its argument (a parameter's name, a text)."""

    name: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.argument}" if self.argument else self.name


Condition = Literal["", "tools"]
"""``tools``: for requests with tools alone."""


class Proposal(Struct, frozen=True, kw_only=True):
    """What may help after a refusal. ``lasting`` false: what was refused is this request's value or content,
    which says nothing of others."""

    amendment: Amendment
    condition: Condition = ""
    lasting: bool = True


class AmendmentRule(Struct, frozen=True, kw_only=True):
    """``refusals``: the sentences that ask for it; their first group, if any, is the argument. ``change`` None:
    the wires do it. ``loses_content``: applied from the start only after two different requests needed it.
    ``profile``: the make of upstream that is known by wanting this."""

    name: str
    wires: frozenset[str]
    refusals: tuple[re.Pattern[str], ...] = ()
    change: Change | None = None
    loses_content: bool = False
    profile: str = ""


def sentences(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """Patterns that are searched for in the message of a refusal, whatever their case."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def first_match(patterns: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    """Of the first of ``patterns`` that is in ``text``."""
    return next((match for pattern in patterns if (match := pattern.search(text))), None)
