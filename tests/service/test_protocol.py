"""The limits of a connection: header deadline and size, connections, a reader that stops."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from daemon.service.protocol import ConnectionLimits, limits_for_process
from tests.service.conftest import answer_ok, exchange, serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"
QUICK = ConnectionLimits(header_seconds=0.1, keep_alive=5)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ((GET + END,), b"HTTP/1.1 200"),
        ((GET,), b"HTTP/1.1 408"),
        ((b"G",), b"HTTP/1.1 408"),
        ((b"",), b""),
        ((GET + b"\r\n", GET), b"HTTP/1.1 200"),
        ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + END, b"abc"), b"HTTP/1.1 200"),
        ((b"\x16\x03\x01",), b"HTTP/1.1 400"),
        ((b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",), b"HTTP/1.1 400"),
    ],
    ids=["whole", "half a head", "one byte", "silent", "second head unfinished", "body", "not http", "bad header"],
)
async def test_the_head_has_a_deadline(sent: tuple[bytes, ...], status: bytes) -> None:
    async with serving(answer_ok, QUICK) as (_, port):
        got = await exchange(port, *sent)
    assert got[: len(status)] == status
    if status == b"":
        assert got == b""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ((b"ab",), b"HTTP/1.1 408"),
        ((), b"HTTP/1.1 408"),
        ((b"ab", b"c"), b"HTTP/1.1 200"),
    ],
    ids=["a part", "nothing", "the whole"],
)
async def test_a_body_of_which_nothing_more_comes_is_given_up(chunks: tuple[bytes, ...], status: bytes) -> None:
    limits = ConnectionLimits(body_idle=0.2)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + END
    async with serving(answer_ok, limits) as (_, port):
        got = await exchange(port, head, *chunks)
    assert got.startswith(status)


@pytest.mark.asyncio
async def test_a_body_that_flows_may_take_longer_than_its_idle_limit() -> None:
    limits = ConnectionLimits(body_idle=0.3)
    async with serving(answer_ok, limits) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n" + END)
        for _ in range(10):
            await asyncio.sleep(0.1)
            writer.write(b"x")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.asyncio
async def test_a_body_that_stops_under_a_response_ends_it() -> None:
    async def answers_first(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serving(answers_first, ConnectionLimits(body_idle=0.2)) as (_, port):
        got = await exchange(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
    assert got == b"<reset>" or (got.startswith(b"HTTP/1.1 200") and b"408" not in got)


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """A 401 that reads nothing of the body."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


LATE = ConnectionLimits(late_bytes=256 * 1024)
POST = b"POST / HTTP/1.%d\r\nHost: x\r\n"
ENDLESS = b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "head",
    [
        POST % 1 + ENDLESS,
        POST % 1 + b"Connection: close\r\n" + ENDLESS,
        POST % 1 + b"Content-Length: 99999999999\r\n\r\n",
        POST % 0 + b"Content-Length: 99999999999\r\n\r\n",
        b"POST http://elsewhere/ HTTP/1.1\r\nHost: x\r\n" + ENDLESS,
        b"\x16\x03\x01",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n" + ENDLESS,
    ],
    ids=["chunked", "the last request", "a length", "http/1.0", "a proxy's request", "not http", "a large head"],
)
async def test_a_body_after_its_response_is_not_read_for_ever(head: bytes) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with serving(refuse, LATE) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        writer.write(head)
        answer = await reader.read(4096)
        try:
            while sent < 256 * 1024 * 1024:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        writer.close()
    assert answer.split(b" ")[1] in (b"401", b"400", b"431"), answer
    assert sent < 32 * 1024 * 1024, "the buffers of both kernels, and what is thrown away"


@pytest.mark.asyncio
@pytest.mark.parametrize("last", [False, True], ids=["kept alive", "the last request"])
@pytest.mark.parametrize("size", [0, 1, 100_000, 250_000])
async def test_a_client_that_writes_all_before_it_reads_gets_the_response(size: int, last: bool) -> None:
    """http.client does. The connection is used again where the client has asked for that."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % size
    head += b"Connection: close\r\n\r\n" if last else b"\r\n"
    async with serving(refuse, LATE) as (_, port):
        rest = [] if last else [GET + END]
        got = await exchange(port, head, *(b"x" * min(4096, size - at) for at in range(0, size, 4096)), *rest)
    assert got.count(b"HTTP/1.1 401") == (1 if last else 2)


@pytest.mark.asyncio
async def test_a_body_that_does_not_come_after_its_response_ends_the_connection() -> None:
    """curl with ``expect: 100-continue`` sends none of it."""
    async with serving(refuse, ConnectionLimits(late_seconds=0.1)) as (_, port):
        got = await exchange(port, POST % 1 + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 401")


@pytest.mark.asyncio
async def test_the_kernel_asks_silent_clients_whether_they_are_there() -> None:
    async with serving(answer_ok) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        while not server.server_state.connections:
            await asyncio.sleep(0)
        (protocol,) = server.server_state.connections
        sock = protocol.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        writer.close()


@pytest.mark.asyncio
async def test_a_second_request_on_a_connection_has_the_deadline_too() -> None:
    async with serving(answer_ok, QUICK) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + b"\r\n")
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()


@pytest.mark.asyncio
async def test_a_slow_answer_outlives_the_header_deadline() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        await answer_ok(scope, receive, send)

    async with serving(slow, QUICK) as (_, port):
        assert (await exchange(port, GET + END)).startswith(b"HTTP/1.1 200")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("size", "status"), [(60 * 1024, b"HTTP/1.1 200"), (70 * 1024, b"HTTP/1.1 431"), (8 * 2**20, b"HTTP/1.1 431")]
)
async def test_the_head_has_a_size(size: int, status: bytes) -> None:
    async with serving(answer_ok) as (_, port):
        got = await exchange(port, GET + b"X-Big: " + b"a" * size + b"\r\n" + END)
    assert got.startswith(status) or (size > 2**20 and got == b"<reset>")


@pytest.mark.asyncio
async def test_a_large_body_in_the_first_chunk_is_no_large_head() -> None:
    body = b"b" * 3_000_000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
    async with serving(answer_ok) as (_, port):
        got = await exchange(port, head + END + body)
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"3000000")


H2C = b"Connection: %b\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
BODY = b"b" * 100_000


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("head", "sent"),
    [
        (b"Content-Length: 100000\r\n" + H2C % b"Upgrade, HTTP2-Settings", (BODY,)),
        (b"content-length: 100000\r\n" + H2C % b"close,upgrade , http2-settings", (BODY[:10], BODY[10:])),
        (b"Transfer-Encoding: chunked\r\n" + H2C % b"upgrade", (b"186a0\r\n" + BODY + b"\r\n0\r\n\r\n",)),
        (b"Content-Length: 100000\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n", (BODY,)),
        (b"Content-Length: 100000\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", (BODY,)),
    ],
    ids=["JDK 17", "token by token", "chunked", "TLS", "websocket"],
)
async def test_the_offer_of_an_upgrade_is_ignored_and_the_body_read(head: bytes, sent: tuple[bytes, ...]) -> None:
    """JDK 17 and curl --http2 offer h2c with each request; the next one on the connection is read as well."""
    post = b"POST / HTTP/1.1\r\nHost: x\r\n" + head
    async with serving(answer_ok) as (_, port):
        together = await exchange(port, post + b"\r\n" + b"".join(sent) + GET + END)
        apart = await exchange(port, post[:30], post[30:], b"\r\n", *sent, GET + END)
    for got in (together, apart):
        wanted = [b"100000"] if b"close" in head else [b"100000", b"0"]
        assert [part.rpartition(b"\r\n")[2] for part in got.split(b"HTTP/1.1 200")[1:]] == wanted


@pytest.mark.asyncio
async def test_the_head_limits_hold_for_an_offered_upgrade_too() -> None:
    async with serving(answer_ok) as (_, port):
        got = await exchange(port, GET + H2C % b"Upgrade" + b"X-Big: " + b"a" * 70_000 + b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431")


@pytest.mark.asyncio
async def test_pipelined_requests_are_answered_in_order() -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    async with serving(answer_ok) as (_, port):
        got = await exchange(port, post + GET + b"\r\n" + post.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert [part[-1:] for part in got.split(b"HTTP/1.1 200")[1:]] == [b"2", b"0", b"2"]


@pytest.mark.asyncio
async def test_connections_above_the_cap_get_503_at_once_and_the_admin_socket_stays_open(tmp_path: Path) -> None:
    admin = tmp_path / "admin.sock"
    async with serving(answer_ok, ConnectionLimits(connections=3), admin) as (server, port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        while len(server.server_state.connections) < 3:
            await asyncio.sleep(0)
        refused = await asyncio.gather(*(exchange(port, GET + b"\r\n") for _ in range(5)))
        reader, writer = await asyncio.open_unix_connection(admin)
        writer.write(GET + END)
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        for _, holder in held:
            holder.close()
    for got in refused:
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in head
        assert json.loads(body)["error"]["type"] == "overloaded_error"


@pytest.mark.asyncio
async def test_a_client_that_stops_reading_is_cut_off_and_its_request_ends() -> None:
    ended = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            sending = asyncio.timeout(20)
            async with sending:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            if (await _poll(receive)) == "http.disconnect":
                ended.set()
                return

    async with serving(endless, ConnectionLimits(send_stall=0.1)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(GET + b"\r\n")
        await ended.wait()
        writer.transport.abort()
        assert reader is not None


async def _poll(receive: Any) -> str:
    try:
        async with asyncio.timeout(0.001):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return "http.disconnect"
    except TimeoutError:
        return "nothing"


def test_the_cap_is_a_third_of_the_open_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = limits_for_process()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], hard), hard))
    assert limits.connections == max(16, soft // 3)
    assert soft >= before[0]
