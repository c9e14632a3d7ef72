"""How many requests a core auth takes at once: what the configuration says, and what its refusals have shown.

A relay that takes three at once and refuses the fourth does not announce it. So a refusal for saturation cuts the
limit to what fitted, and clean answers raise it again, one at a time. Where a raise is refused at once, the next one
takes twice as many clean answers: a limit that is known is not tried over and over.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from typing import Final

CLEAN: Final = 20
"""Answers without a refusal before the limit is raised by one."""
MOST_CLEAN: Final = 640
FORGOTTEN: Final = 600.0
"""Seconds in which the limit was not reached: it is unknown again. While it is reached, raises alone show whether it
still holds: to forget it then would send everybody who waits at once."""


class LearnedLimit:
    """Of one core auth."""

    __slots__ = ("_clean", "_limit", "_needed", "_raised", "_reached_at")

    def __init__(self) -> None:
        self._limit: float = inf
        self._clean = 0  # answers at the limit since it changed
        self._needed = CLEAN
        self._raised = False  # and it is not yet shown that so many fit
        self._reached_at = -inf

    def limit(self, now: float) -> float:
        """``inf`` where it is forgotten."""
        return self._limit if now - self._reached_at <= FORGOTTEN else inf

    def refused(self, running: int, now: float) -> None:
        """One too many; ``running`` were under way with it. What was under way when the limit was cut already, and is
        refused later, changes nothing."""
        if self.limit(now) == inf:
            self._limit, self._needed, self._raised = inf, CLEAN, False
        self._reached_at = now
        fitted = max(1, running - 1)
        if fitted >= self._limit:
            return
        if self._raised:
            self._needed = min(2 * self._needed, MOST_CLEAN)
        self._limit, self._clean, self._raised = fitted, 0, False

    def answered(self, running: int, now: float) -> None:
        """One that was answered while ``running`` were under way, itself included."""
        if running < self._limit:
            return  # it shows nothing about the limit
        self._reached_at = now
        self._clean += 1
        # The first answers after a raise may be of those that were under way before it.
        if self._raised and self._clean >= max(CLEAN, self._limit):
            self._raised, self._needed = False, max(CLEAN, self._needed // 2)
        if self._clean >= self._needed and not self._raised:
            self._limit += 1
            self._clean, self._raised = 0, True


class Concurrency:
    """Core auth ID -> its learned limit; the core auths of the snapshot, and no other."""

    __slots__ = ("_limits",)

    def __init__(self) -> None:
        self._limits: dict[str, LearnedLimit] = {}

    def __len__(self) -> int:
        return len(self._limits)

    def __contains__(self, auth_id: str) -> bool:
        return auth_id in self._limits

    def limit(self, auth_id: str, configured: int, now: float) -> float:
        """``configured`` is ``max-concurrent``, 0: none. It is the upper bound."""
        learned = self._limits.get(auth_id)
        return min(configured or inf, learned.limit(now) if learned else inf)

    def refused(self, auth_id: str, running: int, now: float) -> None:
        self._limits.setdefault(auth_id, LearnedLimit()).refused(running, now)

    def answered(self, auth_id: str, running: int, now: float) -> None:
        learned = self._limits.get(auth_id)
        if learned is None:
            return
        if learned.limit(now) == inf:
            del self._limits[auth_id]
        else:
            learned.answered(running, now)

    def forget(self, auth_id: str) -> None:
        """It refuses even one alone: what it refuses is no matter of how many."""
        self._limits.pop(auth_id, None)

    def keep_only(self, auth_ids: Collection[str]) -> None:
        for auth_id in self._limits.keys() - set(auth_ids):
            del self._limits[auth_id]
