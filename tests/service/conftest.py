"""A real server on a free port inside the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from daemon.errors import LocalError
from daemon.service.protocol import ConnectionLimits
from daemon.service.server import GatewayServer
from daemon.service.sockets import bind, bind_admin, port_of

App = Callable[[Any, Any, Any], Awaitable[None]]


async def answer_ok(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, answers its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(
    app: App,
    limits: ConnectionLimits | None = None,
    admin: Path | None = None,
    refused: Callable[[LocalError], None] | None = None,
) -> AsyncIterator[tuple[GatewayServer, int]]:
    """The server and its port; it has ended when the block ends."""
    sockets = bind("127.0.0.1", 0) + ((bind_admin(admin),) if admin else ())
    server = GatewayServer(app, sockets, limits=limits, refused=refused)
    port = port_of(sockets)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(server.run())
        while not server.started:
            await asyncio.sleep(0)
        try:
            yield server, port
        finally:
            server.should_exit = True


async def exchange(port: int, *chunks: bytes) -> bytes:
    """Sends the chunks, then reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        return await reader.read()
    except ConnectionResetError:
        return b"<reset>"
    finally:
        writer.close()
