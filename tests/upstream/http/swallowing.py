"""Addresses that swallow the packets of whoever connects, as those of a network that is broken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest


@contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """A listener whose queue is full: the kernel drops the next SYN, and whoever sent it waits."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield


def resolve(monkeypatch: pytest.MonkeyPatch, **names: Sequence[str]) -> None:
    """In the running loop the name ``fox_example`` (``fox.example``) has these addresses; others resolve as ever."""
    loop = asyncio.get_running_loop()
    resolver = loop.getaddrinfo
    known = {name.replace("_", "."): addresses for name, addresses in names.items()}

    async def of(host: str, port: int, **more: int) -> object:
        if host not in known:
            return await resolver(host, port, **more)
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in known[host]
        ]

    monkeypatch.setattr(loop, "getaddrinfo", of)
