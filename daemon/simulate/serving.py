"""Running the simulator on a socket, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from daemon.simulate.app import Simulator

GRACE = 1
"""Seconds that running answers get at the end; stalled ones would never finish."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which re-raises the signal and so spoils the exit code."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError where the address is taken."""
    return socket.create_server((host, port), backlog=1024, reuse_port=False)


def serve(simulator: Simulator, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serves on ``listener`` until SIGINT or SIGTERM; ``announce`` is called once they are handled."""
    uvloop.run(_serve(simulator, listener, announce))


async def _serve(simulator: Simulator, listener: socket.socket, announce: Callable[[], None]) -> None:
    config = uvicorn.Config(
        simulator,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        # A cut is a response left unfinished on purpose; uvicorn would call each one an error.
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    simulator.connections = lambda: len(server.server_state.connections)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    announce()
    await server.serve(sockets=[listener])
