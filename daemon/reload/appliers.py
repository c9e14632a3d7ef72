"""The transaction: prepare everything, swap once, retire what is left over.

1. An applier prepares before its ``yield`` and retires after it. When one fails to prepare, those
   before it see the exception at their ``yield``, discard what they made, and nothing has changed.
2. Between the last prepare and the first retire is one assignment: no request sees half of it.
3. After the swap there is no way back, so what happens then, a failing retire or a cancellation,
   is never shown to the other appliers: they would discard what is in use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType

from loguru import logger

from daemon.snapshot.snapshot import Current, Snapshot

Applier = Callable[[Snapshot | None, Snapshot], AbstractAsyncContextManager[object]]
"""(old, new) -> a context manager; ``old`` is None at the first snapshot. Retiring hands work on and is quick."""


async def swap(current: Current, new: Snapshot, appliers: Sequence[Applier]) -> None:
    """Puts ``new`` in force; raises what an applier's prepare raised, with nothing changed."""
    old = current.get_or_none()
    async with AsyncExitStack() as stack:
        steps = [_Step(applier(old, new)) for applier in appliers]
        for step in steps:
            await stack.enter_async_context(step)
            await asyncio.sleep(0)  # each takes milliseconds of thousands of providers: requests go between them
        current.set(new)
        for step in steps:
            step.swapped = True


class _Step(AbstractAsyncContextManager[None]):
    """One applier, shielded by rule 3."""

    def __init__(self, context: AbstractAsyncContextManager[object]) -> None:
        self._context = context
        self.swapped = False

    async def __aenter__(self) -> None:
        await self._context.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cause = (None, None, None) if self.swapped else (kind, error, trace)
        try:
            await self._context.__aexit__(*cause)
        except Exception as failure:
            if failure is not error:
                what = "what was in force before" if self.swapped else "what was prepared"
                logger.opt(exception=failure).error("a reload could not let go of {}", what)
        await asyncio.sleep(0)  # after it, so that a cancellation here keeps none from retiring
