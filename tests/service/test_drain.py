"""The stop: whole answers when there is time, told in dialect when there is not, never a lost ``finally``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.service import drain as drain_module
from daemon.service.drain import Drain
from daemon.service.server import GatewayServer
from daemon.systemd import Notifier
from tests.service.conftest import serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Stream:
    """An application that streams until it is let go, watching ``final`` as the request path does."""

    def __init__(self, drain: Drain, *, heeds: bool = True, counted: bool = True) -> None:
        self.drain = drain
        self.heeds = heeds
        self.counted = counted
        self.running = asyncio.Event()
        self.let_go = asyncio.Event()
        self.finished: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self.counted:
            return await self._stream(send)
        with self.drain.request():
            await self._stream(send)

    async def _stream(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begin;", "more_body": True})
        self.running.set()
        ending = "cancelled"
        try:
            ending = await self._ending()
            await send({"type": "http.response.body", "body": ending.encode()})
        finally:
            self.finished.append(ending)

    async def _ending(self) -> str:
        async with asyncio.TaskGroup() as group:
            whole = group.create_task(self.let_go.wait())
            told = group.create_task(self.drain.final.wait())
            await asyncio.wait({whole, told} if self.heeds else {whole}, return_when=asyncio.FIRST_COMPLETED)
            whole.cancel()
            told.cancel()
        return "whole" if self.let_go.is_set() else "told"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def told(manager: socket.socket) -> list[str]:
    seen: list[str] = []
    try:
        while True:
            seen.append(manager.recv(65536).decode().split("\n")[0])
    except BlockingIOError:
        return seen


async def client(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    try:
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


async def stop(server: GatewayServer, stream: Stream, notifier: Notifier, *, timeout: float, act: str) -> int:
    """Drains while ``act`` happens: the stream ends by itself, or a second signal comes."""
    async with asyncio.TaskGroup() as group:
        cut = group.create_task(stream.drain.run(server, notifier, timeout))
        await asyncio.sleep(0)
        if act == "let go":
            stream.let_go.set()
        if act == "second signal":
            stream.drain.hurry()
    return cut.result()


CASES = [
    # act, deadline, heeds the last call: what the client got, how the request ended, how many were cut
    ("let go", 30.0, True, b"whole", "whole", 0),
    ("second signal", 30.0, True, b"told", "told", 0),
    ("nothing", 0.0, True, b"told", "told", 0),
    ("nothing", 0.0, False, b"", "cancelled", 1),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("act", "deadline", "heeds", "body", "ending", "cut"), CASES)
async def test_a_stream_at_the_stop(
    act: str,
    deadline: float,
    heeds: bool,
    body: bytes,
    ending: str,
    cut: int,
    manager: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drain_module, "FINAL_SECONDS", 0.1)
    monkeypatch.setattr(drain_module, "_OTHERS", 0.0)
    drain = Drain()
    stream = Stream(drain, heeds=heeds)
    notifier = Notifier(manager.getsockname())
    async with serving(stream) as (server, port), asyncio.TaskGroup() as group:
        asking = group.create_task(client(port))
        await stream.running.wait()
        assert await stop(server, stream, notifier, timeout=deadline, act=act) == cut
    notifier.close()
    assert asking.result().startswith(b"6\r\nbegin;") and body in asking.result()
    assert asking.result().endswith(b"0\r\n\r\n") == (cut == 0)
    assert stream.finished == [ending]
    assert drain.in_flight == 0
    messages = told(manager)
    assert messages[0] == "STOPPING=1"
    assert all(message.startswith("EXTEND_TIMEOUT_USEC=") for message in messages[1:])


@pytest.mark.asyncio
async def test_an_idle_daemon_stops_at_once_and_refuses_new_connections() -> None:
    drain = Drain()
    async with serving(Stream(drain)) as (server, port):
        assert await drain.run(server, Notifier()) == 0
        assert drain.started and not drain.final.is_set() and server.should_exit
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.asyncio
async def test_an_idle_keep_alive_connection_is_closed_at_the_stop() -> None:
    drain = Drain()
    stream = Stream(drain)
    stream.let_go.set()
    async with serving(stream) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"0\r\n\r\n")
        await drain.run(server, Notifier())
        assert await reader.read() == b""
        writer.close()


@pytest.mark.asyncio
async def test_requests_nobody_counts_get_little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event stream of the management API would else hold the stop for the whole deadline."""
    monkeypatch.setattr(drain_module, "_OTHERS", 0.05)
    drain = Drain()
    stream = Stream(drain, counted=False)
    async with serving(stream) as (server, port), asyncio.TaskGroup() as group:
        group.create_task(client(port))
        await stream.running.wait()
        assert await drain.run(server, Notifier()) == 1
    assert stream.finished == ["cancelled"] and not drain.final.is_set()


@pytest.mark.asyncio
@pytest.mark.parametrize("requests_before", [0, 1])
async def test_with_a_socket_unit_a_request_that_is_on_its_way_is_served(requests_before: int) -> None:
    """On a connection that is new, and on one that is kept alive; each gets ``connection: close``, so that the client
    comes back through the socket, and the wait ends when nothing can come any more."""
    drain = Drain()
    stream = Stream(drain)
    stream.let_go.set()
    async with serving(stream) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests_before):
            writer.write(GET)
            assert b"connection: close" not in (await reader.readuntil(b"0\r\n\r\n")).lower()
        while not server.has_idle_connections():
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(drain.last_requests(server))
            await asyncio.sleep(0)
            writer.write(GET)
            answer = await reader.read()
        assert b"connection: close" in answer.lower() and answer.endswith(b"whole\r\n0\r\n\r\n")
        assert not server.has_idle_connections()
        writer.close()


@pytest.mark.asyncio
async def test_the_second_signal_ends_the_wait_for_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "LAST_REQUEST_SECONDS", 60.0)
    drain = Drain()
    async with serving(Stream(drain)) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        while not server.has_idle_connections():
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(drain.last_requests(server))
            await asyncio.sleep(0)
            drain.hurry()
        writer.close()
