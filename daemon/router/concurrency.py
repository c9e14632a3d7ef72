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
"""Seconds after the last refusal: the limit is unknown again."""


class LearnedLimit:
    """Of one core auth."""

    __slots__ = ("_clean", "_needed", "_raised", "_refused_at", "limit")

    def __init__(self) -> None:
        self.limit: float = inf
        self._clean = 0
        self._needed = CLEAN
        self._raised = False  # and nothing has been answered on top of it since
        self._refused_at = -inf

    def refused(self, running: int, now: float) -> None:
        """One too many; ``running`` were under way with it. What was under way when the limit was cut already, and is
        refused later, changes nothing."""
        fitted = max(1, running - 1)
        self._refused_at = now
        if fitted >= self.limit and not self._raised:
            return
        if self._raised:
            self._needed = min(2 * self._needed, MOST_CLEAN)
            self._raised = False
        self.limit = min(self.limit, fitted)
        self._clean = 0

    def answered(self, running: int, now: float) -> None:
        """One that was answered while ``running`` were under way, itself included."""
        if self.limit == inf:
            return
        if now - self._refused_at > FORGOTTEN:
            self.limit, self._needed, self._clean, self._raised = inf, CLEAN, 0, False
            return
        if running < self.limit:
            return  # it shows nothing about the limit
        self._raised = False
        self._clean += 1
        if self._clean >= self._needed:
            self.limit += 1
            self._clean, self._raised = 0, True


class Concurrency:
    """Core auth ID -> its learned limit; the core auths of the snapshot, and no other."""

    __slots__ = ("_limits",)

    def __init__(self) -> None:
        self._limits: dict[str, LearnedLimit] = {}

    def __len__(self) -> int:
        return len(self._limits)

    def limit(self, auth_id: str, configured: int) -> float:
        """``configured`` is ``max-concurrent``, 0: none. It is the upper bound."""
        learned = self._limits.get(auth_id)
        return min(configured or inf, learned.limit if learned else inf)

    def refused(self, auth_id: str, running: int, now: float) -> None:
        self._limits.setdefault(auth_id, LearnedLimit()).refused(running, now)

    def answered(self, auth_id: str, running: int, now: float) -> None:
        learned = self._limits.get(auth_id)
        if learned is None:
            return
        learned.answered(running, now)
        if learned.limit == inf:
            del self._limits[auth_id]

    def keep_only(self, auth_ids: Collection[str]) -> None:
        for auth_id in self._limits.keys() - set(auth_ids):
            del self._limits[auth_id]
