"""Connecting to a host that has several addresses, of which some may not answer (RFC 8305, "Happy Eyeballs").

Each next address is tried ``DELAY`` seconds after the one before it, or at once where that one fails. The first that
connects is taken, and the others are given up. So an address that swallows packets, such as the IPv6 one of a host
whose IPv6 is broken, costs a quarter of a second and not all the time there is.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Final

DELAY: Final = 0.25
"""Seconds: RFC 8305, 5."""


def interleaved(addresses: Iterable[str]) -> list[str]:
    """The families take turns, beginning with that of the first address (RFC 8305, 4): the resolver's order says
    which it prefers."""
    listed = list(addresses)
    first = [each for each in listed if _family(each) == _family(listed[0])]
    second = [each for each in listed if _family(each) != _family(listed[0])]
    pairs = chain.from_iterable(zip_longest(first, second))
    return [each for each in pairs if each is not None]


async def connect_first(addresses: Sequence[str], port: int) -> tuple[str, socket.socket]:
    """The first of ``addresses`` (one at least) that connects, and its socket, which the caller closes. Raises the
    OSError that says most where none does."""
    if len(addresses) == 1:
        return addresses[0], await _connected(addresses[0], port)
    race = _Race(port)
    try:
        async with asyncio.TaskGroup() as tasks:
            running: list[asyncio.Task[None]] = []
            waiting = list(addresses)
            while race.winner is None and (waiting or len(race.errors) < len(running)):
                if waiting:
                    running.append(tasks.create_task(race.attempt(waiting.pop(0))))
                await race.news(DELAY if waiting else None)
            for attempt in running:
                attempt.cancel()
    except BaseException:
        if race.winner is not None:
            race.winner[1].close()
        raise
    if race.winner is None:
        raise next((each for each in race.errors if isinstance(each, ConnectionRefusedError)), race.errors[0])
    return race.winner


class _Race:
    """The attempts to connect, and how they ended."""

    def __init__(self, port: int) -> None:
        self.winner: tuple[str, socket.socket] | None = None
        self.errors: list[OSError] = []
        self._port = port
        self._ended = asyncio.Event()

    async def attempt(self, address: str) -> None:
        try:
            sock = await _connected(address, self._port)
        except OSError as error:
            self.errors.append(error)
        else:
            if self.winner is None:
                self.winner = (address, sock)
            else:
                sock.close()
        self._ended.set()

    async def news(self, seconds: float | None) -> None:
        """Until an attempt has ended, or for ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        self._ended.clear()


async def _connected(address: str, port: int) -> socket.socket:
    """A TCP connection that the caller closes."""
    sock = socket.socket(_family(address), socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY for TCP
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
