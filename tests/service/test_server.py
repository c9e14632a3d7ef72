"""The server in our loop: sockets of both kinds, an end that cleans up, errors that do not flood."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from daemon.service.server import GatewayServer, install_exception_handler
from daemon.service.sockets import bind, bind_admin, port_of
from tests.service.conftest import answer_ok, exchange, serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.asyncio
async def test_tcp_and_unix_are_served_and_told_apart(tmp_path: Path) -> None:
    seen: list[tuple[Any, Any]] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"], scope["server"]))
        await answer_ok(scope, receive, send)

    admin = tmp_path / "admin.sock"
    async with serving(note, admin=admin) as (_, port):
        assert b"200" in await exchange(port, GET)
        reader, writer = await asyncio.open_unix_connection(admin)
        writer.write(GET)
        assert b"200" in await reader.read()
        writer.close()
    assert seen[0][0][0] == "127.0.0.1" and seen[0][1] == ("127.0.0.1", port)
    assert seen[1] == (None, (str(admin), None))
    assert not admin.exists()


@pytest.mark.asyncio
async def test_a_cancelled_server_leaves_no_socket_behind(tmp_path: Path) -> None:
    sockets = (*bind("127.0.0.1", 0), bind_admin(tmp_path / "admin.sock"))
    port = port_of(sockets)
    server = GatewayServer(answer_ok, sockets)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.run())
        await exchange(port, GET)
        task.cancel()
    assert all(sock.fileno() < 0 for sock in sockets)
    assert not (tmp_path / "admin.sock").exists()


@pytest.mark.asyncio
async def test_the_file_of_an_inherited_socket_stays(tmp_path: Path) -> None:
    """systemd goes on listening there."""
    sockets = bind_admin(tmp_path / "admin.sock"), bind_admin(tmp_path / "proxy.sock")
    server = GatewayServer(answer_ok, sockets, inherited=sockets[1:])
    server.should_exit = True
    await server.run()
    assert [path.name for path in tmp_path.iterdir()] == ["proxy.sock"]


@pytest.mark.asyncio
async def test_a_stop_before_the_start_serves_nothing() -> None:
    server = GatewayServer(answer_ok, bind("127.0.0.1", 0))
    server.stop_listening()
    server.should_exit = True
    await server.run()
    assert server.servers == []


@pytest.mark.asyncio
async def test_the_loops_errors_are_told_once_and_without_values() -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message} {extra} {exception}", diagnose=False, backtrace=False)
    loop = asyncio.get_running_loop()
    install_exception_handler(loop)
    for _ in range(1000):
        loop.call_exception_handler(
            {"message": "accept failed", "exception": OSError(24, "too many"), "socket": "said"}
        )
    loop.call_exception_handler({"message": "something else", "task": "the user said"})
    loop.set_exception_handler(None)
    logger.remove(sink)
    assert [line.split(" {}")[0] for line in lines] == ["ERROR accept failed", "ERROR something else"]
    assert "said" not in "".join(lines)
