"""A GET over the engine: no body goes up, and everything that holds of a POST's response holds of its own."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from daemon.errors import RemoteError
from daemon.upstream.http.call import UpstreamCall
from tests.upstream.http.test_transport import Script, transport, upstream

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def get(url: str, **more: str) -> UpstreamCall:
    return UpstreamCall(method="GET", url=url, headers={"accept": "application/json"}, connect_timeout=5, **more)  # type: ignore[arg-type]  # plain texts all


def answering(response: bytes, heads: list[bytes]) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(response)
            await writer.drain()

    return script


@pytest.mark.asyncio
async def test_a_get_has_no_body_and_says_no_length() -> None:
    heads: list[bytes] = []
    async with upstream(answering(OK + b"content-length: 2\r\n\r\n{}", heads)) as up, transport() as way:
        for _ in range(2):
            with await way.open(get(up.url + "?a=b")) as response:
                assert await response.read_whole() == b"{}"
        assert up.accepted == 1
    host = up.url.split("/")[2].encode()
    assert heads == [b"GET /v1/responses?a=b HTTP/1.1\r\nhost: " + host + b"\r\naccept: application/json\r\n\r\n"] * 2


@pytest.mark.asyncio
async def test_a_get_and_a_post_share_a_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = b"" if head.startswith(b"GET") else await reader.readexactly(3)
            writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    async with upstream(script) as up, transport() as way:
        for method, body in (("GET", b""), ("POST", b"abc"), ("GET", b"")):
            call = UpstreamCall(method=method, url=up.url, headers={}, connect_timeout=5, body=body)  # type: ignore[arg-type]  # one of both
            with await way.open(call) as response:
                assert await response.read_whole() == body
        assert up.accepted == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "response",
    [
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\n[1\r\n2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n",
        OK
        + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(b"[1,2]"))
        + gzip.compress(b"[1,2]"),
    ],
    ids=["chunked", "gzip"],
)
async def test_a_body_arrives_however_it_is_framed(response: bytes) -> None:
    async with upstream(answering(response, [])) as up, transport() as way:
        with await way.open(get(up.url)) as answer:
            assert await answer.read_whole() == b"[1,2]"


@pytest.mark.asyncio
async def test_direct_is_no_proxy() -> None:
    async with upstream(answering(OK + b"content-length: 2\r\n\r\n{}", [])) as up, transport() as way:
        for proxy in ("direct", "none"):
            with await way.open(get(up.url, proxy=proxy)) as response:
                assert await response.read_whole() == b"{}"


@pytest.mark.asyncio
async def test_a_ca_file_that_is_none_is_named_as_the_cause() -> None:
    async with transport() as way:
        with pytest.raises(RemoteError, match="upstream-ca"):
            await way.open(get("https://127.0.0.1:1/", ca="/nowhere/ca.pem"))


@pytest.mark.asyncio
async def test_the_next_address_is_tried_where_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(answering(OK + b"content-length: 2\r\n\r\n{}", [])) as up, transport() as way:
        port = int(up.url.split(":")[2].partition("/")[0])

        async def two(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
        with await way.open(get(f"http://fox.example:{port}/")) as response:
            assert await response.read_whole() == b"{}"
