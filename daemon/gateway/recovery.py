"""Asks upstreams whether they are back, without cost: ``GET /models`` while they rest for a fault of their server or of
the way to it. A good answer lets the next request try it, so that nobody waits for the end of the rest.

What rests for another reason (a key, a limit, a balance) is not asked: their lists of models answer all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from daemon.errors import RemoteError
from daemon.router.router import Router
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Current
from daemon.upstream.model_list import Open, ask_models

INTERVAL: Final = 2.0
"""Seconds between two questions."""
PATIENCE: Final = 5.0
"""Seconds for an answer."""
AT_ONCE: Final = 16


class Recovery:
    """``open`` is the engine's."""

    def __init__(self, open: Open, router: Router, current: Current) -> None:
        self._open = open
        self._router = router
        self._current = current

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.ask(self._resting())

    async def ask(self, auths: Iterable[CoreAuth]) -> None:
        """Each of them once, some at once."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(auth: CoreAuth) -> None:
            async with turns:
                began = self._router.clock()
                if await self._answers(auth):
                    self._router.cooldowns.healed(auth.id, began=began, now=self._router.clock())

        async with asyncio.TaskGroup() as tasks:
            for auth in auths:
                tasks.create_task(one(auth))

    def _resting(self) -> list[CoreAuth]:
        resting = set(self._router.cooldowns.healing(now=self._router.clock()))
        if not resting:
            return []
        return [auth for auth in self._current.get().core_auths if auth.id in resting]

    async def _answers(self, auth: CoreAuth) -> bool:
        """Whether the upstream lists its models, or says that it has no list, or that the key is wrong."""
        ca = self._current.get().config.upstream_ca
        try:
            async with asyncio.timeout(PATIENCE):
                response = await ask_models(self._open, auth, connect_timeout=PATIENCE, ca=ca)
        except (TimeoutError, RemoteError, OSError):
            return False
        return response.status < 500 and response.status != 429
