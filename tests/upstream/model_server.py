"""Upstreams that list models, on real sockets, and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from daemon.config.schema import Defaults
from daemon.snapshot.core_auths import CoreAuth
from tests.router.auths import core_auth


def response(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """An HTTP response, whole."""
    lines = (f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def listing(*names: str) -> bytes:
    """OpenAI's list of models."""
    return response(json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode())


class ModelServer:
    """Answers each request with ``says``, whatever its path; ``heads`` are the requests. While ``gate`` is closed
    requests wait; ``most`` is how many did so at once."""

    def __init__(self, says: bytes = b"") -> None:
        self.says = says
        self.heads: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.endless = b""
        self.most = self.waiting = 0
        self.url = ""
        self._arrived = asyncio.Event()

    async def requests(self, count: int) -> None:
        """Waits until so many have arrived."""
        async with asyncio.timeout(20):
            while len(self.heads) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                self._arrived.set()
                self.waiting += 1
                self.most = max(self.most, self.waiting)
                try:
                    await self.gate.wait()
                finally:
                    self.waiting -= 1
                writer.write(self.says)
                while self.endless:
                    writer.write(self.endless)
                    await writer.drain()
                await writer.drain()


@contextlib.asynccontextmanager
async def models_at(says: bytes = b"") -> AsyncIterator[ModelServer]:
    """A server on a free port."""
    server = ModelServer(says)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()
        for task in tuple(tasks):
            task.cancel()
        while tasks:
            await asyncio.sleep(0)


def upstream(name: str, url: str, **changes: Any) -> CoreAuth:
    """A core auth whose models are what its upstream lists; its ID is made of name and URL."""
    known = {"id": f"store:{name}:{url}", "kind": "store", "wire": "chat", "discover": True, "base_url": url}
    return core_auth(name, **known | {"defaults": Defaults(model="")} | changes)


class ManualClock:
    """Seconds that pass when ``move`` is called."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[ManualTimer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> ManualTimer:
        self._timers.append(ManualTimer(when, callback))
        return self._timers[-1]

    def move(self, seconds: float) -> None:
        self.now += seconds
        for timer in self._timers:
            if timer.when <= self.now and not timer.over:
                timer.over = True
                timer.callback()
        self._timers = [timer for timer in self._timers if not timer.over]


class ManualTimer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.over = False

    def cancel(self) -> None:
        self.over = True
