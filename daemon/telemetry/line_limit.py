"""How many lines strangers may write into the log. Pure: the clock's reading is passed in.

At most ``MOST`` lines in any ``PERIOD``, whenever it begins, so a burst at the end of one second and one at
the beginning of the next are ten lines together.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MOST: Final = 10
PERIOD: Final = 1.0
"""Seconds."""


class LineLimit:
    """Says of each line whether it may be written. ``now`` is in seconds of a clock that only goes forward."""

    __slots__ = ("_written",)

    def __init__(self) -> None:
        self._written: deque[float] = deque(maxlen=MOST)  # when the latest lines were written

    def takes(self, now: float) -> bool:
        """Whether a line may be written now; if so it counts as written."""
        if self.wait(now) > 0:
            return False
        self._written.append(now)
        return True

    def wait(self, now: float) -> float:
        """Seconds until the next line may be written; 0 = now."""
        if len(self._written) < MOST:
            return 0.0
        return max(0.0, self._written[0] + PERIOD - now)
