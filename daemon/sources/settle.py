"""When a save is complete. Pure: what was seen and the time go in, how long to wait comes out.

1. A file that a writer holds open is not read, unless it has not changed for ``patience`` seconds.
2. Where the kernel says that no writer has it (the lease), ``settle`` seconds without a change are
   enough, and a burst of saves is read at the latest ``burst`` seconds after it began.
3. Where the kernel does not know, ``blind`` seconds without a change stand in for it; when more than
   half of the bytes vanished, ``shrunk`` seconds (an editor truncates first and writes then).
4. A file that is missing or empty is given ``vanished`` seconds to come back.
5. An explicit request, and the first reading at start, wait for no more than rule 1.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.sources.lease import Lease
from daemon.sources.reading import Stamp


class Timing(Struct, frozen=True, kw_only=True):
    """All in seconds. ``poll`` is how often the files are looked at without any hint."""

    poll: float = 1.0
    settle: float = 0.05
    lease_retry: float = 0.05
    burst: float = 0.15
    blind: float = 0.4
    vanished: float = 0.4
    shrunk: float = 2.0
    patience: float = 5.0


class Look(Struct, frozen=True, kw_only=True):
    """What one look at the watched files showed; ``size`` is the configuration's, -1 = missing."""

    stamps: tuple[Stamp, ...]
    size: int
    lease: Lease


class Settle:
    """What is remembered between two looks."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._stamps: tuple[Stamp, ...] = ()
        # When the files changed last: rules 2 to 4 wait for a pause since then.
        self._changed = 0.0
        # When the first change of this burst was seen, None between bursts: a program that saves without end must
        # not put off the reading for ever.
        self._began: float | None = None

    def wait(self, look: Look, now: float, *, size: int = 0, at_once: bool = False) -> float:
        """Seconds to wait before the next look; 0 = read now. ``size`` is that of the last reading,
        for rule 3; ``at_once`` leaves only rule 1."""
        if look.stamps != self._stamps:
            self._stamps = look.stamps
            self._changed = now
        if self._began is None:
            self._began = now
        wait = self._remaining(look, now - self._changed, now - self._began, size, at_once)
        if wait <= 0:
            self._began = None
            return 0.0
        return wait

    def forget(self) -> None:
        """The change that was being waited for is gone."""
        self._began = None

    def _remaining(self, look: Look, quiet: float, since: float, size: int, at_once: bool) -> float:
        timing = self._timing
        if look.lease is Lease.BUSY:
            return min(timing.lease_retry, timing.patience - quiet)
        if at_once:
            return 0.0
        if look.size <= 0:
            return timing.vanished - quiet
        if look.lease is Lease.FREE:
            return min(timing.settle - quiet, timing.burst - since)
        needed = timing.shrunk if look.size < size / 2 else timing.blind
        return min(needed - quiet, timing.patience - since)
