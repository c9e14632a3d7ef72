"""A running file source and the list of what it published, to be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.sources.base import Update
from daemon.sources.file import FileSource
from daemon.sources.lasting import LastingProblems
from daemon.sources.settle import Timing

PATIENCE = 20.0
"""Seconds until a test gives up; no test takes nearly as long."""


class Observed:
    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.updates: list[Update] = []
        self._arrived = asyncio.Event()

    @property
    def contents(self) -> list[str]:
        """What was published: the text, or the code of the problem."""
        return [update.problem.code if update.problem else update.raw.decode() for update in self.updates]

    def publish(self, update: Update) -> None:
        self.updates.append(update)
        self._arrived.set()

    async def until(self, content: str) -> None:
        """Waits until ``content`` is the newest that was published."""
        await self.until_true(lambda: bool(self.updates) and self.contents[-1] == content)

    async def until_true(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()


@asynccontextmanager
async def observed(
    path: Path,
    *,
    timing: Timing | None = None,
    hints: bool = True,
    wait: bool = True,
    lasting: LastingProblems | None = None,
) -> AsyncIterator[Observed]:
    """A source that has read ``path`` once, listens, and runs until the block ends."""
    source = FileSource(path, timing=timing, hints=hints, lasting=lasting)
    seen = Observed(source)
    await source.read_now()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(source.run(seen.publish))
        if hints and wait:
            await listening(source, path.parent.parent / "sentinel")
        yield seen
        running.cancel()


async def listening(source: FileSource, sentinel: Path) -> None:
    """Waits until events arrive: where ``sentinel`` lies is watched, too."""
    async with asyncio.timeout(PATIENCE):
        while not source.events:
            sentinel.touch()
            await asyncio.sleep(0.01)
