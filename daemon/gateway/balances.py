"""Asks providers with a ``balance-url`` how much is left, off the path, and keeps the latest answer.

Each core auth at most every ``INTERVAL`` seconds, whatever came of it; one that is new, or whose address has changed,
at the next look. A failure is shown and harms nothing. Nothing is routed by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

from msgspec import Struct

from daemon.errors import RemoteError
from daemon.masks import Masks
from daemon.secret import mask_keys
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Current
from daemon.upstream.balance import BalanceAnswer, ask_balance
from daemon.upstream.model_list import Open
from daemon.upstream.privacy import secrets_of

INTERVAL: Final = 300.0
LOOK: Final = 2.0
"""Seconds between two looks at what is due."""
PATIENCE: Final = 10.0
"""Seconds for an answer."""
AT_ONCE: Final = 4


class Balance(Struct, frozen=True, kw_only=True):
    """Of one core auth. ``amount`` in the upstream's own unit, the last that it gave, at ``at`` (Unix seconds), both
    None while it has given none. ``problem``: why the latest question had no number, '' where it had one."""

    amount: float | None = None
    at: float | None = None
    problem: str = ""


class _Asked(Struct):
    url: str
    due: float = -inf
    balance: Balance | None = None


class Balances:
    """The core auths of the snapshot that have a ``balance-url``, and no other. ``open`` is the engine's; ``clock`` is
    seconds that only rise, ``wall`` Unix time."""

    def __init__(self, open: Open, current: Current, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._open = open
        self._current = current
        self._clock = clock
        self._wall = wall
        self._asked: dict[str, _Asked] = {}

    def of(self, auth_id: str) -> Balance | None:
        """None: it has no ``balance-url``, or has not been asked yet."""
        asked = self._asked.get(auth_id)
        return None if asked is None else asked.balance

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.ask()
            await asyncio.sleep(LOOK)

    async def ask(self) -> None:
        """Whoever is due, some at once; forgets those that are gone."""
        snapshot = self._current.get_or_none()
        due = self._due(snapshot.core_auths if snapshot is not None else ())
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for auth in due:
                tasks.create_task(self._ask(auth, turns))

    def _due(self, auths: Iterable[CoreAuth]) -> list[CoreAuth]:
        mine, now = {auth.id: auth for auth in auths if auth.balance_url}, self._clock()
        for auth_id in self._asked.keys() - mine.keys():
            del self._asked[auth_id]
        for auth in mine.values():
            known = self._asked.get(auth.id)
            if known is None or known.url != auth.balance_url:
                self._asked[auth.id] = _Asked(auth.balance_url)
        return [auth for auth in mine.values() if self._asked[auth.id].due <= now]

    async def _ask(self, auth: CoreAuth, turns: asyncio.Semaphore) -> None:
        async with turns:
            asked = self._asked[auth.id]
            asked.due = self._clock() + INTERVAL
            answer = await self._answer(auth)
        before = asked.balance or Balance()
        if answer.amount is None:
            masked = mask_keys(Masks(secrets_of(auth))(answer.problem))
            asked.balance = Balance(amount=before.amount, at=before.at, problem=masked)
        else:
            asked.balance = Balance(amount=answer.amount, at=self._wall())

    async def _answer(self, auth: CoreAuth) -> BalanceAnswer:
        ca = self._current.get().config.upstream_ca
        try:
            async with asyncio.timeout(PATIENCE):
                return await ask_balance(self._open, auth, connect_timeout=PATIENCE, ca=ca)
        except TimeoutError:
            return BalanceAnswer(problem=f"no answer in {PATIENCE:g} s")
        except RemoteError as error:
            return BalanceAnswer(problem=error.message)
        except Exception as error:  # a key that cannot be opened, or a mistake of ours: it concerns this one alone
            return BalanceAnswer(problem=f"it could not be asked: {type(error).__name__}")
