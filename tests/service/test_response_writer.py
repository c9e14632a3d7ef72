"""What an application sends, and the bytes a client gets for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.conftest import exchange, serving

CLOSING = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
KEEPING = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Message = dict[str, Any]


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def piece(body: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def length(count: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % count


async def answered(*messages: Message, request: bytes = CLOSING) -> bytes:
    """All bytes of the answer that an application makes of these messages; its date is left out."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async with serving(application) as (_, port):
        lines = (await exchange(port, request)).split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"date: "))


OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("messages", "bytes_"),
    [
        ((start(length(2)), piece(b"ab")), OK + b"content-length: 2\r\n" + CLOSE + b"\r\nab"),
        ((start(length(2)), piece(b"a", True), piece(b"b")), OK + b"content-length: 2\r\n" + CLOSE + b"\r\nab"),
        ((start(length(0)), piece(b"")), OK + b"content-length: 0\r\n" + CLOSE + b"\r\n"),
        ((start(), piece(b"ab", True), piece(b"")), OK + CLOSE + CHUNKED + b"2\r\nab\r\n0\r\n\r\n"),
        (
            (start(), piece(b"", True), piece(b"a" * 17)),
            OK + CLOSE + CHUNKED + b"11\r\n" + b"a" * 17 + b"\r\n0\r\n\r\n",
        ),
        ((start(status=204), piece(b"")), b"HTTP/1.1 204 No Content\r\n" + CLOSE + b"\r\n"),
        ((start((b"connection", b"close")), piece(b"")), OK + CLOSE + CHUNKED + b"0\r\n\r\n"),
    ],
    ids=["whole", "in pieces", "empty", "chunked", "an empty piece", "no content", "its own close"],
)
async def test_framing(messages: tuple[Message, ...], bytes_: bytes) -> None:
    assert await answered(*messages) == bytes_


@pytest.mark.asyncio
@pytest.mark.parametrize("connection", [b"", b"Connection: keep-alive\r\n"])
async def test_a_body_toward_http_1_0_ends_with_the_connection(connection: bytes) -> None:
    """nginx's default ``proxy_pass`` and HAProxy's checks use HTTP/1.0, which has no chunks (RFC 9112, 7.1)."""
    request = b"GET / HTTP/1.0\r\nHost: x\r\n" + connection + b"\r\n"
    assert await answered(start(), piece(b"ab", True), piece(b"c"), request=request) == OK + CLOSE + b"\r\nabc"
    assert (
        await answered(start(length(1)), piece(b"a"), request=request)
        == OK + b"content-length: 1\r\n" + CLOSE + b"\r\na"
    )


@pytest.mark.asyncio
async def test_the_application_may_close_a_connection_the_client_would_keep() -> None:
    got = await answered(start(length(1), (b"connection", b"close")), piece(b"a"), request=KEEPING)
    assert got.count(b"connection: close") == 1 and got.endswith(b"\r\n\r\na")


@pytest.mark.asyncio
async def test_head_gets_no_body() -> None:
    request = CLOSING.replace(b"GET", b"HEAD")
    assert (
        await answered(start(length(2)), piece(b"ab"), request=request)
        == OK + b"content-length: 2\r\n" + CLOSE + b"\r\n"
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "messages",
    [
        (start((b"x-a", b"b\r\nx-evil: 1"), length(0)), piece(b"")),
        (start((b"x-a", b"b\rc"), length(0)), piece(b"")),
        (start((b"x-a\nx-evil", b"1"), length(0)), piece(b"")),
        (start(length(1)), piece(b"ab")),
        (start(length(3)), piece(b"ab")),
        (piece(b"ab"),),
        (start(length(2)), start(length(2))),
        (start(length(2)), piece(b"ab"), piece(b"cd")),
    ],
    ids=["forged", "bare CR", "forged name", "too long", "too short", "no head", "two heads", "after the end"],
)
async def test_an_application_that_goes_wrong_never_passes_for_an_answer(messages: tuple[Message, ...]) -> None:
    got = await answered(*messages, request=KEEPING)
    assert b"x-evil" not in got and b"cd" not in got
    assert not got.startswith(OK) or b"content-length: 2\r\n" in got


@pytest.mark.asyncio
async def test_a_head_without_a_body_at_once_goes_out_alone() -> None:
    more = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await more.wait()
        await send(piece(b"late"))

    async with serving(application) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(KEEPING)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(OK)
        more.set()
        assert await reader.readexactly(9) == b"4\r\nlate\r\n"
        writer.close()
