"""The newest update per source, one wake-up: a burst of a thousand is taken as one."""

from __future__ import annotations

import asyncio

from daemon.sources.base import Update


class Mailbox:
    """``put`` never blocks; ``take`` empties the box. One taker."""

    def __init__(self) -> None:
        self._newest: dict[str, Update] = {}
        self._wake = asyncio.Event()

    def put(self, update: Update) -> None:
        """Keeps the update unless a newer one of its source is waiting already."""
        waiting = self._newest.get(update.source)
        if waiting is None or update.order >= waiting.order:
            self._newest[update.source] = update
        self._wake.set()

    def ring(self) -> None:
        """Wakes the taker without an update."""
        self._wake.set()

    async def wait(self) -> None:
        """Returns once something was put, or the bell rung, since the last ``take``."""
        await self._wake.wait()

    def take(self) -> tuple[Update, ...]:
        """What has arrived, each source's newest, in order of arrival."""
        updates = tuple(self._newest.values())
        self._newest.clear()
        self._wake.clear()
        return updates
