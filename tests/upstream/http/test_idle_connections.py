"""Connections that wait for their next use: few per endpoint, and none for an endpoint that nobody asks any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from daemon.upstream.http import transport as module
from tests.upstream.http.test_transport import Upstream, call, request_of, transport, upstream


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def ask(way_out: module.Transport, server: Upstream) -> None:
    with await way_out.open(call(server.url)) as response:
        assert await response.read_whole() == b""


@pytest.mark.asyncio
async def test_the_connections_of_endpoints_that_are_not_asked_any_more_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Providers come and go; each has left its connection with a peer that keeps it open."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    async with upstream(answer) as gone, upstream(answer) as stays, transport() as way_out:
        await ask(way_out, gone)
        assert gone.open == 1
        await until(lambda: gone.open == 0)
        await ask(way_out, stays)
        assert stays.open == 1
        assert len(way_out._idle) == 1, "the pool itself goes, too"


@pytest.mark.asyncio
async def test_a_burst_leaves_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IDLE", 3)
    together = asyncio.Barrier(8)

    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await together.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    async with upstream(at_once) as server, transport() as way_out:
        await asyncio.gather(*(ask(way_out, server) for _ in range(8)))
        assert server.accepted == 8
        await until(lambda: server.open == 3)
