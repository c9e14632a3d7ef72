"""How long the store is waited for: the source's pauses, and a start whose database may not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from msgspec import Struct

from daemon.config.urls import shown
from daemon.store.errors import StoreUnavailable

Result = TypeVar("Result")


class StoreTiming(Struct, frozen=True, kw_only=True):
    """Seconds. ``poll``: between two looks at the version; ``poll_listening``: the same while NOTIFY is heard.
    ``retry_least``, ``retry_most``: the pause after a database was away, doubled each time. ``start``: how long a start
    waits for a connection."""

    poll: float = 0.5
    poll_listening: float = 0.9
    retry_least: float = 0.2
    retry_most: float = 5.0
    start: float = 1.0


class Reading(Generic[Result]):
    """``read`` on ``thread``, begun now. It is as good as there once it has a connection: a server that answers is
    waited for, one that lets packets disappear is not."""

    def __init__(self, thread: Executor, read: Callable[[], Result]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self.result = self._loop.run_in_executor(thread, read)

    @property
    def comes(self) -> bool:
        return self.result.done() or self._connected.done()

    async def comes_within(self, seconds: float) -> bool:
        await asyncio.wait((self.result, self._connected), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return self.comes

    def connected(self) -> None:
        """Called on the thread."""
        self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self._connected.done():
            self._connected.set_result(None)


def no_connection(conninfo: str, seconds: float) -> StoreUnavailable:
    why = f"the provider store {shown(conninfo)} does not answer: no connection in {seconds:g} s"
    return StoreUnavailable(why, "serving goes on without it")


def import_driver() -> None:
    """Off the loop: it takes 0.5 s."""
    import psycopg  # noqa: F401

    import daemon.store.database  # noqa: F401
