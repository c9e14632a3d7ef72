"""The transport against a raw upstream on a real socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.http.call import UpstreamCall
from daemon.upstream.http.transport import Transport

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRET = "sk-very-secret"


class Upstream:
    """A server whose connections run ``script``; counts them, and knows which are open."""

    def __init__(self) -> None:
        self.url = ""
        self.accepted = 0
        self.open = 0
        self.all_closed = asyncio.Event()


@asynccontextmanager
async def upstream(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """``context`` makes it speak TLS, as ``localhost``."""
    state = Upstream()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.accepted += 1
        state.open += 1
        state.all_closed.clear()
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            state.open -= 1
            if not state.open:
                state.all_closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    host = "https://localhost" if context else "http://127.0.0.1"
    state.url = f"{host}:{server.sockets[0].getsockname()[1]}/v1/responses"
    try:
        yield state
    finally:
        server.close()
        if state.open:  # the transport has been closed by now: wait until each connection has noticed
            async with asyncio.timeout(5):
                await state.all_closed.wait()


@asynccontextmanager
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    try:
        yield made
    finally:
        await made.close()


def call(url: str, timeout: float = 5) -> UpstreamCall:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return UpstreamCall(url=url, headers=headers, body=b"{}", connect_timeout=timeout)


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(2)


def answering(answer: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_of(reader)
            writer.write(answer)
            await writer.drain()

    return script


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.asyncio
async def test_an_answer_is_read_to_its_end_and_the_connection_used_again() -> None:
    async with upstream(answering(STREAM + b"5\r\ndata:\r\n0\r\n\r\n")) as up, transport() as way:
        for _ in range(3):
            with await way.open(call(up.url)) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream")
                assert await answer.read_whole() == b"data:"
        assert up.accepted == 1


@pytest.mark.asyncio
async def test_a_cut_body_is_an_error_and_never_a_clean_end() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(STREAM + b"5\r\ndata:\r\n")
        await writer.drain()

    async with upstream(cut) as up, transport() as way:
        with await way.open(call(up.url)) as answer, pytest.raises(RemoteError, match="cut its answer"):
            await answer.read_whole()


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed_for_the_key_is_for_this_host() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with upstream(answering(moved)) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            assert answer.status == 302


@pytest.mark.asyncio
async def test_the_proxy_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with upstream(answering(STREAM + b"0\r\n\r\n")) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            assert answer.status == 200


@pytest.mark.asyncio
async def test_a_pooled_connection_closed_by_the_upstream_is_retried_once() -> None:
    served = 0

    async def close_after_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await request_of(reader)
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.read(1)  # the next request's first byte: closed in its face

    async with upstream(close_after_one) as up, transport() as way:
        for _ in range(3):
            with await way.open(call(up.url)) as answer:
                assert await answer.read_whole() == b"{}"
        assert served == 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"", ErrorKind.API), (b"not http at all\r\n\r\n", ErrorKind.API)],
)
async def test_no_answer_is_told_without_url_or_key(answer: bytes, kind: ErrorKind) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await writer.drain()

    async with upstream(script) as up, transport() as way:
        with pytest.raises(RemoteError) as told:
            await way.open(call(up.url))
        assert told.value.kind is kind
        assert SECRET not in told.value.message and "/v1/responses" not in told.value.message


@pytest.mark.asyncio
async def test_a_refused_connection_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with transport() as way:
        with pytest.raises(
            RemoteError, match=rf"nothing listens on 127\.0\.0\.1 port {port}; the connection is refused"
        ):
            await way.open(call(f"http://127.0.0.1:{port}/v1"))


@pytest.mark.asyncio
async def test_a_name_that_does_not_resolve_is_told() -> None:
    async with transport() as way:
        with pytest.raises(RemoteError, match="does not resolve"):
            await way.open(call("http://no-such-host.invalid/v1"))


@pytest.mark.asyncio
async def test_a_body_beyond_the_limit_is_refused() -> None:
    big = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4096\r\n\r\n" + b"x" * 4096
    async with upstream(answering(big)) as up, transport() as way:
        with await way.open(call(up.url)) as answer, pytest.raises(RemoteError, match="more than 1000 bytes"):
            await answer.read_whole(1000)


@pytest.mark.asyncio
async def test_hundreds_of_cancelled_requests_lose_no_connection() -> None:
    """Half are cancelled before the head, half in the body; afterwards the upstream has no connection left."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await request_of(reader)
        if b"early" not in head:
            writer.write(STREAM + b"5\r\ndata:\r\n")
            await writer.drain()
        await reader.read()

    async with upstream(hold) as up, transport() as way:

        async def hang_up(url: str) -> None:
            async with asyncio.timeout(0.05):
                with await way.open(call(url)) as answer:
                    await answer.read()
                    await answer.read()

        urls = [up.url, up.url + "?early"] * 100
        results = await asyncio.gather(*(hang_up(url) for url in urls), return_exceptions=True)
        assert all(isinstance(result, TimeoutError) for result in results)
        async with asyncio.timeout(5):
            while up.open:  # it may accept some only now that have gone already
                await asyncio.sleep(0.01)
