"""Asks the upstream of each core auth once whether it takes the key, off the path of requests.

    follow(snapshot) ─▶ what is new ─▶ ``check_key``, a few at once ─▶ ``KeyVerdicts.found``

1. Nothing waits for this: not the start, not a reload, not a request.
2. A core auth is asked once for its key, URL, headers and proxy, however often the configuration is read; one that was
   disabled meanwhile is asked again. What an API write has just heard is not asked a second time.
3. The newest come first: a provider that is created while 2,000 others hang is not at the end of their queue.
4. A new one is asked after ``pause`` seconds: relays limit how many requests a key has at once, and those that clients
   send after a start or a reload go first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from loguru import logger
from msgspec import Struct

from daemon.gateway.key_verdicts import KeyVerdicts, question
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.discovery import DiscoveryTiming
from daemon.upstream.key_check import check_key
from daemon.upstream.model_list import Open

AT_ONCE: Final = 8
PATIENCE: Final = 10.0
"""Seconds for both questions about a key."""
PAUSE: Final = DiscoveryTiming().first_kept
"""Seconds before the first question: as long as before a list of models that nothing waits for."""


class KeyInForce(Struct, eq=False):
    """A core auth with a key. ``answers``: how many requests it had served when it was new. ``due``: the loop's time
    from which it is asked. ``is_due``: nobody has answered for it yet."""

    auth: CoreAuth
    ca: str
    answers: int
    due: float
    is_due: bool = True

    def is_same(self, auth: CoreAuth, ca: str) -> bool:
        """Whether the question about ``auth`` is the one about this. Of the store's most are the same object."""
        return (self.auth is auth and self.ca == ca) or question(self.auth, self.ca) == question(auth, ca)


class KeyChecks:
    """One for the daemon's life, on one thread. ``open`` is the engine's."""

    def __init__(
        self,
        open: Open,
        verdicts: KeyVerdicts,
        *,
        at_once: int = AT_ONCE,
        patience: float = PATIENCE,
        pause: float = PAUSE,
    ) -> None:
        self._open = open
        self._verdicts = verdicts
        self._at_once = at_once
        self._patience = patience
        self._pause = pause
        self._keys: dict[str, KeyInForce] = {}  # by core auth ID
        self._due: deque[KeyInForce] = deque()
        self._asking = 0
        self._snapshot: Snapshot | None = None
        self._wake = asyncio.Event()

    def follow(self, snapshot: Snapshot) -> None:
        """It is in force: what it has new is asked, what it has no longer is forgotten."""
        before, self._keys, self._snapshot = self._keys, {}, snapshot
        ca, new = snapshot.config.upstream_ca, []
        due = asyncio.get_running_loop().time() + self._pause
        for auth in snapshot.core_auths:
            if not auth.api_key:
                continue
            known = before.get(auth.id)
            if known is not None and known.is_same(auth, ca):
                known.auth = auth
            else:
                known = KeyInForce(auth, ca, self._verdicts.answers(auth.id), due)
                heard = self._verdicts.known(auth, ca)
                if heard is None:
                    new.append(known)
                else:
                    known.is_due = False
                    self._verdicts.found(auth, heard, snapshot)
            self._keys[auth.id] = known
        if new or len(self._keys) < len(before):
            self._due = deque([*new, *filter(self._is_due, self._due)])
            self._wake.set()

    async def run(self) -> None:
        """For ever; may be run again after it failed: then those whose answer was waited for are asked again."""
        self._due = deque(filter(self._is_due, self._keys.values()))
        self._asking = 0
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                while self._due and self._asking < self._at_once and self._due[0].due <= loop.time():
                    if self._is_due(key := self._due.popleft()):
                        self._asking += 1
                        tasks.create_task(self._ask(key))
                if self._due and self._asking < self._at_once:  # the newest wait, and older ones behind them
                    loop.call_at(self._due[0].due, self._wake.set)
                await self._wake.wait()

    def _is_due(self, key: KeyInForce) -> bool:
        return key.is_due and self._keys.get(key.auth.id) is key

    async def _ask(self, key: KeyInForce) -> None:
        try:
            diagnosis = await check_key(self._open, key.auth, patience=self._patience, ca=key.ca)
        except Exception as error:  # a key that cannot be opened, or a mistake of ours: it concerns this one alone
            bound = logger.bind(provider=key.auth.name, auth=key.auth.id)
            bound.warning("the key of {} could not be checked: {}", key.auth.label, type(error).__name__)
            diagnosis = None
        finally:
            self._asking -= 1
            self._wake.set()
        if not self._is_due(key) or self._snapshot is None:  # it has gone meanwhile
            return
        key.is_due = False
        # Some upstreams keep their list from every key: one that has served a request meanwhile is a good one.
        served = self._verdicts.answers(key.auth.id) > key.answers
        if diagnosis is None or (served and diagnosis.verified == "no"):
            self._verdicts.unanswered(key.auth)
        else:
            self._verdicts.found(key.auth, diagnosis, self._snapshot)
