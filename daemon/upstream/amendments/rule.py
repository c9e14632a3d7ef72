"""What an amendment is, and what a row of the tables says of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

from daemon.wires.base import Change, HeaderChange

MOST_AMENDMENTS: Final = 8
"""Times that one request is amended and asked again: upstreams complain of one thing at a time."""


class Amendment(Struct, frozen=True):
    """One change of the outgoing request: a rule of the table, and its argument (a parameter's name, a text)."""

    name: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.argument}" if self.argument else self.name


Condition = Literal["", "tools", "thinking", "temperature"]
"""Where a refusal holds, beside its model: for requests with tools alone, for those that think, or for those that say
a temperature. ``gateway.learned`` knows which of them a request meets."""


class Proposal(Struct, frozen=True, kw_only=True):
    """What may help after a refusal. ``lasting`` false: what was refused is this request's value or content,
    which says nothing of others."""

    amendment: Amendment
    condition: Condition = ""
    lasting: bool = True


def first_group(match: re.Match[str]) -> str:
    return match.group(1) or "" if match.re.groups else ""


class AmendmentRule(Struct, frozen=True, kw_only=True):
    """``refusals``: the sentences that ask for it, where ``about`` is in the text as well; ``argument`` reads the
    argument of such a sentence, by default its first group. ``change`` is of the body, ``headers`` of the headers;
    where both are None, the wires do it. ``needs``: what a body contains that is changed, so that others are not read.
    ``loses_content``: applied from the start only after two different requests needed it. ``of_one_request``: words
    beside which the refusal says nothing of other requests. ``profile``: the make of upstream that is known by wanting
    this."""

    name: str
    wires: frozenset[str]
    refusals: Iterable[re.Pattern[str]] = ()
    about: re.Pattern[str] | None = None
    argument: Callable[[re.Match[str]], str] = first_group
    of_one_request: re.Pattern[str] | None = None
    change: Change | None = None
    headers: HeaderChange | None = None
    needs: bytes = b""
    loses_content: bool = False
    profile: str = ""


class Sentences:
    """Patterns that are searched for in the message of a refusal, whatever their case, in their order.

    They are compiled at the first refusal: several hundred take a tenth of the time of a start.
    """

    __slots__ = ("_compiled", "_texts")

    def __init__(self, *texts: str) -> None:
        self._texts = texts
        self._compiled: tuple[re.Pattern[str], ...] = ()

    def __iter__(self) -> Iterator[re.Pattern[str]]:
        if not self._compiled:
            self._compiled = tuple(re.compile(text, re.IGNORECASE) for text in self._texts)
        return iter(self._compiled)

    def __add__(self, others: Sentences) -> Sentences:
        return Sentences(*self._texts, *others._texts)


def matches(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    """Where ``text`` has them: those of the first pattern first."""
    for pattern in patterns:
        yield from pattern.finditer(text)
