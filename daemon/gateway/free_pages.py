"""Memory that a large answer took goes back to the system.

glibc keeps what is freed in the middle of its heap. Twelve answers of 64 MiB that grew side by side left 150 MiB of
free pages in the process, for good; ``malloc_trim`` (glibc 2.8 and later) hands them back. Other C libraries have no
such function, and musl needs none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Final

from daemon.gateway.gathered import GatheredBudget

AFTER: Final = 0.5
"""Seconds from the end of an answer: by then its task is gone, and what ends at the same time is trimmed with it."""


@cache
def _trim() -> Callable[[int], object]:
    """``malloc_trim``, or what does nothing where there is none."""
    import ctypes

    try:
        function = ctypes.CDLL(None).malloc_trim
    except AttributeError:
        return lambda _: None
    function.argtypes = [ctypes.c_size_t]
    return function


class FreePages:
    """One for the daemon's life."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = False

    def return_after(self, gathered: GatheredBudget) -> None:
        """Soon, if an answer has ended that took much: in the running loop, once for all that end before it happens.
        Takes a few milliseconds."""
        large, gathered.large_ended = gathered.large_ended, False
        if large and not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(AFTER, self._return)

    def _return(self) -> None:
        self._due = False
        _trim()(0)
