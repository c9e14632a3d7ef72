"""How many repeats an upstream that does not answer gets: a share of its requests, so that clients of an upstream
that is down do not bring it down again (Finagle's retry budget)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

WINDOW: Final = 10.0
SHARE: Final = 0.2
LEAST: Final = 3
MOST: Final = 10_000
"""Requests that are counted; the window is shorter where there are more."""


class RetryBudget:
    """Core auth ID -> first attempts and repeats of the last ``WINDOW`` seconds."""

    __slots__ = ("_first", "_repeats")

    def __init__(self) -> None:
        self._first: dict[str, deque[float]] = {}
        self._repeats: dict[str, deque[float]] = {}

    def asked(self, auth_id: str, *, now: float) -> None:
        """A request has asked it for the first time."""
        _recent(self._first.setdefault(auth_id, deque(maxlen=MOST)), now).append(now)

    def repeated(self, auth_id: str, *, now: float) -> None:
        """A request has asked it once more."""
        _recent(self._repeats.setdefault(auth_id, deque(maxlen=MOST)), now).append(now)

    def allows(self, auth_id: str, *, now: float) -> bool:
        """Whether there may be one repeat more now."""
        repeats = len(_recent(self._repeats.get(auth_id, deque()), now))
        if repeats < LEAST:
            return True
        return repeats < SHARE * len(_recent(self._first.get(auth_id, deque()), now))

    def keep_only(self, auth_ids: Collection[str]) -> None:
        staying = set(auth_ids)
        for table in (self._first, self._repeats):
            for auth_id in table.keys() - staying:
                del table[auth_id]


def _recent(times: deque[float], now: float) -> deque[float]:
    while times and times[0] <= now - WINDOW:
        times.popleft()
    return times
