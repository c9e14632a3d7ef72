"""How much of the upstreams' answers may be in memory at once.

An answer that is passed on as it comes takes no room here. Two kinds do:

1. One that is collected, for a client that asked for no stream, as a whole JSON body, or because it is held back until
   it is committed. Counted are the bytes that an upstream sent.
2. What a stream has to keep until later: text that the Responses API repeats at the end, arguments of calls, thinking
   and blocks that wait for their turn, an event that has not ended. Counted is what is kept (``kept`` of the pipes),
   not what has passed.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self, TypeVar

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.http.call import WHOLE_BODY_LIMIT

EACH: Final = WHOLE_BODY_LIMIT
ALL: Final = 4 * EACH
LARGE: Final = 4 * 1024 * 1024
"""Bytes of an answer after which it is worth giving free pages back to the system."""
STEP: Final = 16 * 1024
"""What a stream keeps is counted when it has grown or shrunk by so many bytes, so that most reads count nothing."""


E = TypeVar("E", bound=Exception)


def without_frames(error: E) -> E:
    """The same error, without the frames it has come through so far. They hold the answer's bytes, and they hold the
    error, which would keep them all until the garbage collector comes by: four failures, 289 MiB (2026-11-28)."""
    error.__context__ = None
    return error.with_traceback(None)


class GatheredBudget:
    """One for the daemon's life. ``taken``: bytes that are in memory now, of all answers together. ``large_ended``: one
    that took much has given it back since somebody set this to false."""

    __slots__ = ("all", "each", "large_ended", "taken")

    def __init__(self, each: int = EACH, all: int = ALL) -> None:
        self.each = each
        self.all = all
        self.taken = 0
        self.large_ended = False

    def share(self) -> Share:
        """``with``: the part of one answer. Whatever ends it, its bytes are given back."""
        return Share(self)


class Share:
    """What one answer takes: ``size`` bytes."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: GatheredBudget) -> None:
        self._budget = budget
        self.size = 0

    def take(self, size: int) -> None:
        """Room for ``size`` bytes more that are collected. Raises ``RemoteError`` where there is none."""
        budget = self._budget
        if self.size + size > budget.each:
            raise RemoteError(
                ErrorKind.API,
                f"the upstream's answer is larger than {_mib(budget.each)}, the most that is collected for one request:"
                " ask for a stream",
                reason="answer_too_large",
            )
        if budget.taken + size > budget.all:
            raise RemoteError(
                ErrorKind.API,
                f"all answers that are being collected would be larger than {_mib(budget.all)} together:"
                " try again later, or ask for a stream",
                reason="answer_too_large",
            )
        self.size += size
        budget.taken += size

    def hold(self, size: int) -> None:
        """The stream keeps ``size`` bytes now, whatever it was before. Raises ``RemoteError`` where there is no room
        for them."""
        budget = self._budget
        if size > budget.each:
            raise RemoteError(
                ErrorKind.API,
                f"more than {_mib(budget.each)} of the upstream's answer would have to be kept until its end,"
                " the most for one request",
                reason="answer_too_large",
            )
        if budget.taken + size - self.size > budget.all and size > self.size:
            raise RemoteError(
                ErrorKind.API,
                f"more than {_mib(budget.all)} of all running answers would have to be kept until their end:"
                " try again later",
                reason="answer_too_large",
            )
        budget.taken += size - self.size
        self.size = size

    def give_back(self) -> None:
        """All of it: the bytes have gone to the client."""
        budget = self._budget
        budget.large_ended = budget.large_ended or self.size > LARGE
        budget.taken -= self.size
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.give_back()


def _mib(size: int) -> str:
    return f"{size / 2**20:g} MiB"
