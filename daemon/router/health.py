"""What the answers of a core auth have shown: how soon it begins to answer, and how often it fails. Nothing is asked
for it; what is learned costs nobody anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from math import exp, inf
from statistics import median
from typing import Final

SAMPLES: Final = 20
"""Answers that say how soon a core auth begins to answer."""
SLOW: Final = 4.0
"""How many times its tier's median it may take before sessions no longer stay with it."""
JUDGED: Final = 1.0
"""Seconds for which it is known whether a core auth is slow: to look at its whole tier takes longer than to choose."""
DECAY: Final = 10.0
"""Seconds in which a peak loses two thirds (Finagle's peak-EWMA): a slow answer counts at once, a fast one slowly."""


class AuthHealth:
    """Of one core auth. ``first_events`` in seconds, the latest last."""

    __slots__ = ("_at", "_peak", "failed", "first_events", "judged", "succeeded")

    def __init__(self) -> None:
        self.succeeded = self.failed = 0
        self.first_events: deque[float] = deque(maxlen=SAMPLES)
        self.judged = ("", -inf, False)  # for which model name, when, and whether it is slow
        self._peak = 0.0
        self._at = 0.0

    def first_event(self, seconds: float, now: float) -> None:
        self.first_events.append(seconds)
        if seconds >= self._peak:
            self._peak = seconds
        else:
            weight = exp((self._at - now) / DECAY)
            self._peak = self._peak * weight + seconds * (1 - weight)
        self._at = now

    @property
    def median(self) -> float | None:
        """Of ``first_events``, once there are enough to say."""
        return median(self.first_events) if len(self.first_events) == SAMPLES else None

    @property
    def latency(self) -> float:
        """Peak-EWMA of the first event, seconds; 0 before the first answer."""
        return self._peak


class Health:
    """Core auth ID -> its health; the core auths of the snapshot, and no other."""

    __slots__ = ("_auths",)

    def __init__(self) -> None:
        self._auths: dict[str, AuthHealth] = {}

    def of(self, auth_id: str) -> AuthHealth:
        health = self._auths.get(auth_id)
        if health is None:
            health = self._auths[auth_id] = AuthHealth()
        return health

    def latency(self, auth_id: str) -> float:
        health = self._auths.get(auth_id)
        return health.latency if health else 0.0

    def is_slow(self, auth_id: str, name: str, tier: Iterable[str], *, now: float) -> bool:
        """Whether it begins to answer much later than the others of its tier do, which serve the model ``name``
        too."""
        health = self._auths.get(auth_id)
        if health is None or len(health.first_events) < SAMPLES:
            return False
        judged_for, judged_at, slow = health.judged
        if judged_for != name or now - judged_at >= JUDGED:
            slow = self._begins_late(auth_id, tier)
            health.judged = name, now, slow
        return slow

    def _begins_late(self, auth_id: str, tier: Iterable[str]) -> bool:
        others = [each for other in tier if other != auth_id and (each := self._auths.get(other))]
        known = [seconds for other in others if (seconds := other.median) is not None]
        own = self._auths[auth_id].median
        return own is not None and bool(known) and own > SLOW * median(known)

    def keep_only(self, auth_ids: Collection[str]) -> None:
        for auth_id in self._auths.keys() - set(auth_ids):
            del self._auths[auth_id]
