"""Signs of life for systemd, sent from the loop: a loop that hangs falls silent, and is restarted.

When the watchdog strikes, systemd sends SIGABRT; ``dump_stacks_on_crash`` makes that print the
Python stack of every thread into the journal before the process dies.
"""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from collections.abc import Callable

from loguru import logger

from daemon.systemd import Notifier

SelfCheck = Callable[[], str | None]
"""None when all is well, else what is not (``"the file watch has ended"``)."""


def dump_stacks_on_crash() -> None:
    """For SIGABRT, SIGSEGV, SIGBUS, SIGFPE and SIGILL; does nothing where stderr has no descriptor."""
    try:
        faulthandler.enable(sys.stderr, all_threads=True)
    except (AttributeError, ValueError, OSError, RuntimeError):
        logger.debug("no stack dumps on a crash: stderr has no descriptor")


async def watchdog(notifier: Notifier, check: SelfCheck) -> None:
    """Pings every third of the interval while ``check`` finds nothing wrong; for ever. Returns at
    once where nobody wants pings. A problem is logged once, and the silence lets systemd act."""
    if notifier.watchdog_interval is None:
        return
    told: str | None = None
    while True:
        problem = check()
        if problem is None:
            notifier.ping()
        elif problem != told:
            logger.bind(problem=problem).error("self-check failed: no sign of life for the watchdog")
        told = problem
        await asyncio.sleep(notifier.watchdog_interval / 3)
