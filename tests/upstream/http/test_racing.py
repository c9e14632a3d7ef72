"""Hosts with several addresses, of which some do not answer; real sockets on this host."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest
from msgspec import structs

from daemon.errors import RemoteError
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.racing import connect_first, interleaved
from daemon.upstream.http.transport import Transport
from tests.upstream.http.swallowing import resolve, swallowing
from tests.upstream.http.test_transport import answering, call
from tests.upstream.test_probe import connect_proxy, serving, socks_proxy

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
SILENT = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


def test_the_families_take_turns_and_the_resolver_says_which_is_first() -> None:
    assert interleaved(["::1", "::2", "::3", "10.0.0.1"]) == ["::1", "10.0.0.1", "::2", "::3"]
    assert interleaved(["10.0.0.1", "10.0.0.2", "::1", "::2"]) == ["10.0.0.1", "::1", "10.0.0.2", "::2"]
    assert interleaved(["10.0.0.1", "10.0.0.2"]) == ["10.0.0.1", "10.0.0.2"]
    assert interleaved([]) == []


def sockets() -> int:
    """How many sockets this process has open."""
    links = (f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd"))
    return sum(1 for link in links if os.path.lexists(link) and os.readlink(link).startswith("socket:"))


@contextmanager
def listening() -> Iterator[int]:
    """The kernel connects whoever comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.2", "127.0.0.1"),
        (*SILENT, "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.2", "127.0.0.9", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.2", "127.0.0.1"),
        ("::1", "127.0.0.1"),
        ("::1", "127.0.0.2", "127.0.0.1"),
        ("2001:db8::1", "127.0.0.1"),
    ],
)
async def test_one_that_answers_is_connected_to(addresses: Sequence[str]) -> None:
    """Wherever it stands among those that swallow packets (2 to 4, ::1), refuse (9) or have no route; nothing is left
    of the others."""
    with listening() as port, ExitStack() as stack:
        for each in {*SILENT, "::1"} & set(addresses):
            stack.enter_context(swallowing(each, port))
        before = sockets()
        async with asyncio.timeout(5):
            address, sock = await connect_first(addresses, port)
        with sock:
            assert address == "127.0.0.1"
            assert sock.getpeername() == ("127.0.0.1", port)
            assert sockets() == before + 1
        assert sockets() == before


@pytest.mark.asyncio
async def test_whoever_gives_up_leaves_no_socket() -> None:
    with listening() as port, ExitStack() as stack:
        for each in SILENT:
            stack.enter_context(swallowing(each, port))
        before = sockets()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await connect_first(SILENT, port)
        assert sockets() == before


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("addresses", "number"),
    [
        (("127.0.0.8", "127.0.0.9"), errno.ECONNREFUSED),
        (("255.255.255.255", "127.0.0.9"), errno.ECONNREFUSED),
        (("127.0.0.9", "255.255.255.255"), errno.ECONNREFUSED),
    ],
)
async def test_where_none_connects_the_error_that_says_most_is_raised(addresses: Sequence[str], number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError) as raised:
        await connect_first(addresses, port)
    assert raised.value.errno == number


@pytest.mark.asyncio
async def test_many_at_once_lose_no_socket() -> None:
    """Half of them are cancelled at odd moments, also in that of the winner."""
    with listening() as port, swallowing("127.0.0.2", port):
        before = sockets()

        async def one(seconds: float) -> None:
            async with asyncio.timeout(seconds):
                _, sock = await connect_first(("127.0.0.2", "127.0.0.1", "127.0.0.1"), port)
            sock.close()

        await asyncio.gather(*(one(0.24 + 0.001 * each) for each in range(40)), return_exceptions=True)
        assert sockets() == before


@pytest.mark.asyncio
@pytest.mark.parametrize("proxy", ["", "http", "socks5", "socks5h"])
async def test_a_request_reaches_the_address_that_answers(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directly, and where it is the proxy's name that has the two addresses."""
    resolve(monkeypatch, fox_example=["127.0.0.2", "127.0.0.1"])
    async with (
        serving(answering(ANSWER)) as port,
        serving(socks_proxy if "socks" in proxy else connect_proxy) as proxy_port,
    ):
        asked = call(f"http://{'fox.invalid' if proxy else 'fox.example'}:{port}/v1", timeout=3)
        if proxy:
            asked = structs.replace(asked, proxy=f"{proxy}://fox.example:{proxy_port}")
        transport = Transport()
        with swallowing("127.0.0.2", proxy_port if proxy else port), await transport.open(asked) as response:
            assert (response.status, await response.read_whole()) == (200, b"{}")
        await transport.close()


@pytest.mark.asyncio
async def test_of_the_addresses_none_is_connected_to_where_one_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, fox_example=["127.0.0.1", "::1"])
    egress = EgressPolicy()
    egress.note(["fox.example"], AllowedNetworks.PUBLIC)
    transport = Transport(egress)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(RemoteError, match="loopback"):
            await transport.open(call(f"http://fox.example:{listener.getsockname()[1]}/v1"))
        with pytest.raises(BlockingIOError):
            listener.accept()
    await transport.close()


@pytest.mark.asyncio
async def test_the_connect_timeout_covers_all_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, fox_example=SILENT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    transport = Transport()
    with ExitStack() as stack:
        for each in SILENT:
            stack.enter_context(swallowing(each, port))
        with pytest.raises(RemoteError, match=f"fox.example port {port} does not answer in time") as raised:
            await transport.open(call(f"http://fox.example:{port}/v1", timeout=0.4))
    assert (raised.value.status, raised.value.reason) == (504, "timeout")
    await transport.close()
