"""How many wrong management keys the whole world may try per second, from however many addresses.

A token bucket over failures: right keys cost nothing. While it is empty, nobody's key is looked at,
except from addresses that have proved one lately, so that guessing does not keep the operator out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

PER_SECOND: Final = 5.0
BURST: Final = 100.0
MOST_PROVED: Final = 1_000
PROVED_SECONDS: Final = 3600.0


class AttemptRate:
    """``clock`` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float], *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = clock()
        self._proved: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until a key from ``address`` is looked at; 0 = now."""
        self._refill()
        if self._tokens >= 1 or self._clock() - self._proved.get(address, float("-inf")) < PROVED_SECONDS:
            return 0.0
        return (1 - self._tokens) / self._per_second

    def failed(self) -> None:
        """A key was wrong, or missing."""
        self._refill()
        self._tokens = max(0.0, self._tokens - 1)

    def proved(self, address: str) -> None:
        """The key from ``address`` was right."""
        self._proved[address] = self._clock()
        self._proved.move_to_end(address)
        if len(self._proved) > MOST_PROVED:
            self._proved.popitem(last=False)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
