"""How often a connection is read: a read costs the same whether it brings one event or fifty.

Where several answers come at once, a connection rests after a read that brought little, so that the
next one brings more and the others are served meanwhile. An answer that has the daemon for itself is
read as it comes.

1. A body that is watched is read about a thousand times a second at most. A model's events, five
   milliseconds apart or more, are passed on at once; only in a burst do they wait, for a millisecond,
   and then come together.
2. A body that is wanted whole (``gathering``) is read at ever longer intervals: a twentieth of the time
   that it has taken so far, so that it is complete at most that much later.
"""

from __future__ import annotations

from collections.abc import Sized
from math import inf
from typing import Final

SEVERAL: Final = 4
"""Answers that come at once."""
WORTH: Final = 4096
"""Bytes that are worth a read: the reader is behind, and more is coming together by itself."""
LEAST: Final = 0.001
"""Seconds. The event loop's timers are no finer."""
MOST: Final = 0.1
SHARE: Final = 0.05
BURST: Final = 2.5 * LEAST
"""Reads closer together than this are a burst; a read that waited for its rest still is one."""


class Pace:
    """The reads of one answer. ``running`` are all answers that are being read now, this one among them.
    Times are seconds of one monotonic clock."""

    __slots__ = ("_asked", "_last", "_running", "gathering")

    def __init__(self, running: Sized, asked: float) -> None:
        self._running = running
        self._asked = asked
        self._last = -inf
        self.gathering = False

    def rest(self, now: float, size: int) -> float:
        """How long nothing is read after a read of ``size`` bytes at ``now``; 0 for no time at all."""
        apart, self._last = now - self._last, now
        if size >= WORTH or len(self._running) < SEVERAL:
            return 0.0
        share = (now - self._asked) * SHARE
        if self.gathering and share >= LEAST:
            return min(share, MOST)
        return LEAST if apart < BURST else 0.0
