"""The way back to the client: the shape of its stream, and the one writer of it.

The API layer has the stream over ASGI. Two tasks write to it: the request's own, and now and then one that sends a
keep-alive while the request waits for an upstream. ``ClientWriter`` keeps them apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final, Protocol

from msgspec import Struct

from daemon.gateway.request_state import Overdue, RequestState
from daemon.gateway.response_pipe import ResponsePipe

STALL: Final = 60.0
"""Seconds a client may leave bytes unread before its request, and the upstream's, is given up."""
STALLED: Final = Overdue(f"the client has read nothing for {STALL:g} s", ours=True)


class ResponseHead(Struct, frozen=True, kw_only=True):
    """What the headers say: who answered, after how many attempts, what the request lost, and what the upstream
    says to clients of its own wire (``passed``: names in lower case, and values)."""

    provider: str = ""
    attempts: int = 0
    lost: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()


class ClientStream(Protocol):
    """Either ``start_stream``, any number of ``write``, ``end_stream``; or one ``respond``. ``started``: a head has
    gone out."""

    started: bool

    async def start_stream(self, head: ResponseHead) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def end_stream(self, data: bytes) -> None: ...

    async def respond(self, status: int, headers: dict[str, str], body: bytes, head: ResponseHead) -> None: ...


class ClientWriter:
    """Writes the response of one request, and says in its state what a stalled client is given. ``head`` is asked
    when the response begins, for only then it is known who answers."""

    __slots__ = ("_head", "_keep_alive", "_state", "_stream", "_writing")

    def __init__(self, stream: ClientStream, state: RequestState, head: Callable[[], ResponseHead]) -> None:
        self._stream = stream
        self._state = state
        self._head = head
        # A write may take up to STALL, and neither of the two tasks may write into the other's event. A keep-alive is
        # dropped while the request writes (``_writing``); the request waits for a keep-alive that has begun. A lock
        # around every write would do the same for five calls more per event.
        self._writing = False
        self._keep_alive = asyncio.Lock()

    @property
    def started(self) -> bool:
        return self._stream.started

    async def write(self, data: bytes, idle: float) -> None:
        """The next piece of the stream. Meanwhile it is the client who keeps us waiting, afterwards the upstream
        again, for ``idle`` seconds."""
        if not data:
            return
        state = self._state
        state.quiet_since = monotonic()
        state.deadline = state.quiet_since + STALL
        upstream_overdue, state.overdue = state.overdue, STALLED
        if self._keep_alive.locked():
            await self._wait_keep_alive()
        self._writing = True
        try:
            if not self._stream.started:
                await self._stream.start_stream(self._head())
            await self._stream.write(data)
        finally:
            self._writing = False
        state.overdue = upstream_overdue
        state.deadline = monotonic() + idle

    def answer_complete(self) -> None:
        """From now on only the client can keep us waiting."""
        self._state.deadline, self._state.overdue, self._state.ends = monotonic() + STALL, STALLED, inf

    async def end(self, data: bytes) -> None:
        """The last piece of the stream; no keep-alive may follow it."""
        self._state.quiet_since = inf
        await self._wait_keep_alive()
        if not self._stream.started:
            await self._stream.start_stream(self._head())
        await self._stream.end_stream(data)

    async def respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """The whole response, where no stream has begun."""
        self._state.quiet_since = inf
        await self._stream.respond(status, headers, body, self._head())

    async def keep_alive(self, pipe: ResponsePipe) -> None:
        """A keep-alive, unless the client gets bytes anyway; called from another task than the rest."""
        if self._keep_alive.locked():
            return
        async with self._keep_alive:
            if self._writing or self._state.quiet_since == inf or pipe.stage == "finished":
                return
            data = pipe.keep_alive()  # before the first pause: what the pipe gives later must also go out later
            if not self._stream.started:
                await self._stream.start_stream(self._head())
            await self._stream.write(data)

    async def _wait_keep_alive(self) -> None:
        async with self._keep_alive:
            pass
