"""Clients with sessions for a daemon with several providers: who answered whom, and what each client saw."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count, cycle
from urllib.parse import urlsplit

from msgspec import Struct

from tests.dialects import RESPONSES, script, streamed_text
from tests.e2e.load import Connection

PATIENCE = 30.0
LATE = 5.0
"""Seconds behind its rate at which a crowd gives up: the machine cannot do more."""


class Seen(Struct, frozen=True):
    """One answer. ``at`` is ``time.monotonic`` of its end; ``failure`` '' where it is whole, ``shown``: its client had
    read words before it failed."""

    at: float
    session: str
    is_new: bool
    provider: str
    attempts: int
    failure: str
    shown: bool


class Crowd:
    """``regulars`` come again and again; with them come sessions that are new each time."""

    def __init__(self, url: str, *, regulars: int, words: int) -> None:
        place = urlsplit(url)
        self._place = (place.hostname or "", place.port or 80)
        self._idle: list[Connection] = []
        self._words = "word " * words
        self._strangers = (f"stranger-{number}" for number in count())
        self.regulars = [f"regular-{number}" for number in range(regulars)]
        self._next_regular = cycle(self.regulars)
        self._over = False
        self.seen: list[Seen] = []
        self.sent = 0

    async def meet(self, sessions: Iterable[str], *, at_once: int = 8) -> list[Seen]:
        """One plain request of each session; their answers."""
        before, places = len(self.seen), asyncio.Semaphore(at_once)

        async def one(session: str) -> None:
            async with places:
                await self._ask(session, stream=False)

        async with asyncio.TaskGroup() as tasks:
            for session in sessions:
                tasks.create_task(one(session))
        return self.seen[before:]

    async def meet_strangers(self, number: int) -> list[Seen]:
        return await self.meet([next(self._strangers) for _ in range(number)])

    async def run(self, *, rate: float, streams: int) -> None:
        """Until ``end``: so many plain requests a second, when they are due, and so many streams at once."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(streams):
                tasks.create_task(self._stream(number / max(1, streams)))
            while not self._over:
                due = began + self.sent / rate
                await asyncio.sleep(due - time.monotonic())
                if time.monotonic() - due > LATE:
                    raise AssertionError(f"this machine does not do {rate:g} requests a second beside what it does now")
                self.sent += 1
                tasks.create_task(self._ask(self._next(self.sent), stream=False))

    def end(self) -> None:
        self._over = True

    async def close(self) -> None:
        for connection in self._idle:
            await connection.closed()

    def _next(self, number: int) -> str:
        """Every third one is a stranger."""
        return next(self._strangers) if number % 3 == 0 else next(self._next_regular)

    async def _stream(self, phase: float) -> None:
        await asyncio.sleep(phase)
        for number in count():
            if self._over:
                return
            await self._ask(self._next(number), stream=True)

    async def _ask(self, session: str, *, stream: bool) -> None:
        prompt = script({"text": self._words}) if stream else "x"
        body = json.dumps(RESPONSES.request(prompt, stream=stream, prompt_cache_key=session)).encode()
        connection = self._idle.pop() if self._idle else Connection(*self._place)
        head, answer, failure = b"", b"", ""
        try:
            async with asyncio.timeout(PATIENCE):
                head, answer = await connection.exchange(RESPONSES.path, body)
            self._idle.append(connection)
        except (OSError, EOFError, ValueError) as error:
            await connection.closed()
            failure = repr(error)
        shown = False
        if not failure and head[9:12] != b"200":
            failure = f"{head[9:12].decode()}: {answer[:300]!r}"
        elif not failure and stream:
            events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith(b"data: ")]
            text = streamed_text(RESPONSES, events)
            shown = bool(text)
            if text != self._words or not RESPONSES.terminal(events[-1]):
                failure = f"a stream ended with {answer[-200:]!r}"
        attempts = _header(head, b"x-tppcd-attempts")
        is_new = session.startswith("stranger")
        provider = _header(head, b"x-tppcd-provider")
        self.seen.append(Seen(time.monotonic(), session, is_new, provider, int(attempts or 0), failure, shown))


def _header(head: bytes, name: bytes) -> str:
    return head.partition(b"\r\n%s:" % name)[2].partition(b"\r\n")[0].strip().decode()


def needless_failures(seen: Iterable[Seen]) -> list[str]:
    """What a client saw although another provider could have answered: it had read nothing yet."""
    return [each.failure for each in seen if each.failure and not each.shown]


def shares(seen: Iterable[Seen]) -> Counter[str]:
    """Who answered how many of the new sessions."""
    return Counter(each.provider for each in seen if each.is_new and not each.failure)


def kept(seen: Sequence[Seen], troubled: str) -> float:
    """The share of answers that came from who had answered the session before, where that was not ``troubled``."""
    latest: dict[str, str] = {}
    same = others = 0
    for each in seen:
        if each.is_new or each.failure:
            continue
        before = latest.get(each.session, troubled)
        if before != troubled:
            same += before == each.provider
            others += before != each.provider
        latest[each.session] = each.provider
    return same / max(1, same + others)
