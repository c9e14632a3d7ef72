"""Keeping a source running: after a failure it is started again, with growing pauses, and the failure is logged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 30.0
HEALTHY: Final = 60.0


async def supervised(
    name: str, run: Callable[[], Awaitable[None]], *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Runs ``run`` for ever. Pauses double from 0.1 to 30 s, and start over after a minute without
    failure. Cancellation passes through."""
    wait = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await run()
            logger.error("{} ended by itself; starting it again", name)
        except Exception as error:
            logger.opt(exception=error).error("{} failed; starting it again in {:g} s", name, wait)
        if time.monotonic() - began > HEALTHY:
            wait = FIRST_PAUSE
        await pause(wait)
        wait = min(2 * wait, LONGEST_PAUSE)
