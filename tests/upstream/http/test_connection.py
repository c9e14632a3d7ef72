"""What an HTTP/1.1 peer may do, over real sockets, with and without TLS and proxies."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
import zlib
from pathlib import Path

import pytest

from daemon.errors import RemoteError
from daemon.upstream.http.call import UpstreamCall
from daemon.upstream.http.connection import MOST_AT_ONCE, Connection
from daemon.upstream.http.pace import SEVERAL
from daemon.upstream.http.transport import Transport
from tests.upstream.http.test_transport import Script, answering, call, request_of, transport, upstream

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GZIP = OK + b"content-encoding: gzip\r\n\r\n"


async def answer_of(script: Script) -> tuple[int, dict[str, str], bytes]:
    async with upstream(script) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            return answer.status, dict(answer.headers), await answer.read_whole()


def once(answer: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await writer.drain()

    return script


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"content-length: 2\r\n\r\n{}", b"{}"),
        (OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2;ext=1\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n", b"{}"),
        (OK + b"connection: close\r\n\r\n{}", b"{}"),
        (OK + b"\r\n{}", b"{}"),
        (OK + b"content-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK + b"content-length: 2\r\n\r\n{}", b"{}"),
        (OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"{}", mtime=0), b"{}"),
        (GZIP + gzip.compress(b"[1", mtime=0) + gzip.compress(b",2]", mtime=0), b"[1,2]"),
        (GZIP + gzip.compress(b"{}", mtime=0) + b"\0" * 512, b"{}"),
        (OK + b"content-encoding: deflate\r\n\r\n" + zlib.compress(b"{}") + b"padding", b"{}"),
        (GZIP + gzip.compress(b"1" * 20_000_000), b"1" * 20_000_000),
        (GZIP + gzip.compress(b"1" * MOST_AT_ONCE), b"1" * MOST_AT_ONCE),
    ],
    ids=[
        "length",
        "chunked",
        "extension, trailer",
        "close",
        "nothing said",
        "empty",
        "100",
        "103",
        "gzip",
        "two members",
        "padding",
        "deflate",
        "much of little",
        "just one piece",
    ],
)
async def test_framings(answer: bytes, body: bytes) -> None:
    status, headers, got = await answer_of(once(answer))
    assert (status, headers["content-type"], got) == (200, "application/json", body)
    assert "link" not in headers


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"content-length: 5\r\n\r\n{}",
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        OK + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
        OK + b"content-encoding: br\r\ncontent-length: 4\r\n\r\nnope",
        OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
        GZIP + gzip.compress(b"0" * 80_000_000),
        GZIP + gzip.compress(b"0" * 40_000_000) * 2,
        GZIP + gzip.compress(b"{}") + b"\x1fnope",
        b"HTTP/1.1 600 X\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 999 X\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nxx",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
    ids=[
        "short",
        "no last chunk",
        "bad chunk",
        "not gzip",
        "unknown encoding",
        "head bomb",
        "gzip bomb",
        "in two members",
        "second member",
        "600",
        "999",
        "101",
        "101 to nothing",
    ],
)
async def test_a_broken_answer_is_an_error(answer: bytes) -> None:
    with pytest.raises(RemoteError):
        await answer_of(once(answer))


@pytest.mark.asyncio
async def test_pieces_that_unpack_to_nothing_are_waited_for() -> None:
    """Thousands of them: the head of a gzip body, byte by byte."""
    packed = gzip.compress(b"{}", compresslevel=0, mtime=0)
    name = b"n" * 5_000
    packed = packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(GZIP)
        for byte in packed:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    assert (await answer_of(script))[2] == b"{}"


@pytest.mark.asyncio
async def test_a_compressed_body_comes_in_bounded_pieces() -> None:
    async with upstream(once(GZIP + gzip.compress(b"1" * 5_000_000))) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            sizes = []
            while piece := await answer.read():
                sizes.append(len(piece))
    assert sum(sizes) == 5_000_000 and max(sizes) <= MOST_AT_ONCE


@pytest.mark.asyncio
async def test_repeated_headers_are_joined_and_names_are_lower_case() -> None:
    _, headers, _ = await answer_of(once(OK + b"X-Thing: a\r\nx-thing: b\r\ncontent-length: 0\r\n\r\n"))
    assert headers["x-thing"] == "a, b"


@pytest.mark.asyncio
async def test_an_answer_closed_before_its_end_takes_its_connection_with_it() -> None:
    async with upstream(answering(OK + b"content-length: 500000\r\n\r\n" + b"x" * 500_000)) as up, transport() as way:
        for _ in range(2):
            with await way.open(call(up.url)) as answer:
                assert await answer.read()
        assert up.accepted == 2
        async with asyncio.timeout(5):
            await up.all_closed.wait()


@pytest.mark.asyncio
async def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"content-length: 2\r\n\r\n{}" + OK + b'content-length: 9\r\n\r\n"smuggled')
        await writer.drain()
        await reader.read()

    async with upstream(chatty) as up, transport() as way:
        for _ in range(2):
            with await way.open(call(up.url)) as answer:
                assert await answer.read_whole() == b"{}"
        assert up.accepted == 2


@pytest.mark.asyncio
async def test_an_upstream_that_is_not_read_is_slowed_down() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_of(reader)
        writer.write(OK + b"\r\n")
        for _ in range(1024):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with upstream(flood) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            first = await answer.read()
            held = len(first)
            while sent < 1_000_000:
                await asyncio.sleep(0)
            stalled = -1
            while stalled != sent:
                stalled = sent
                await asyncio.sleep(0.05)
            assert sent < 1024 * 65_536
            while data := await answer.read():
                held += len(data)
            assert held == 1024 * 65_536


@pytest.mark.asyncio
@pytest.mark.parametrize("gathered", [False, True])
async def test_a_burst_is_read_in_fewer_pieces_than_it_is_sent(gathered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, reads = 200, 0
    receive = Connection.data_received

    def counted(connection: Connection, data: bytes) -> None:
        nonlocal reads
        reads += 1
        receive(connection, data)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"content-length: %d\r\n\r\n" % pieces)
        for _ in range(pieces):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    monkeypatch.setattr(Connection, "data_received", counted)

    async def ask(way: Transport, url: str) -> None:
        with await way.open(call(url)) as answer:
            if gathered:
                answer.gather()
            assert await answer.read_whole() == b"x" * pieces

    async with upstream(trickle) as up, transport() as way:
        await asyncio.gather(*(ask(way, up.url) for _ in range(SEVERAL)))
    assert reads < SEVERAL * pieces / 2


@pytest.mark.asyncio
async def test_a_gathered_body_that_is_cut_is_an_error() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"content-length: 9000000\r\n\r\n" + b"x" * 5_000_000)
        await writer.drain()
        writer.close()

    async with upstream(cut) as up, transport() as way:
        with await way.open(call(up.url)) as answer:
            answer.gather()
            held = 0
            with pytest.raises(RemoteError, match="cut its answer"):
                while data := await answer.read():
                    held += len(data)
            assert held == 5_000_000


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "é"])
async def test_a_header_that_would_forge_another_is_not_sent(value: str) -> None:
    async with transport() as way:
        forged = UpstreamCall(url="http://127.0.0.1:1/", headers={"x": value}, body=b"", connect_timeout=1)
        with pytest.raises(RemoteError, match="cannot be sent"):
            await way.open(forged)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.mark.asyncio
async def test_tls_with_an_extra_ca_and_not_without(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK + b"content-length: 2\r\n\r\n{}")(reader, writer)

    server = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
    async with server, transport() as way:
        trusting = UpstreamCall(url=url, headers={}, body=b"{}", connect_timeout=5, ca=str(cert))
        for _ in range(2):
            with await way.open(trusting) as answer:
                assert await answer.read_whole() == b"{}"
        with pytest.raises(RemoteError, match="not trusted"):
            await way.open(UpstreamCall(url=url, headers={}, body=b"{}", connect_timeout=5))
        plain = url.replace("https", "http")
        with pytest.raises(RemoteError):
            await way.open(UpstreamCall(url=plain, headers={}, body=b"{}", connect_timeout=5))


async def connect_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A CONNECT proxy, as small as one can be."""
    head = await reader.readuntil(b"\r\n\r\n")
    host, _, port = head.split()[1].decode().rpartition(":")
    up_reader, up_writer = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer), return_exceptions=True)


@pytest.mark.asyncio
async def test_through_a_proxy() -> None:
    whole = answering(OK + b"content-length: 2\r\n\r\n{}")
    async with upstream(connect_proxy) as proxy, upstream(whole) as up, transport() as way:
        port = proxy.url.rpartition(":")[2].partition("/")[0]
        through = UpstreamCall(url=up.url, headers={}, body=b"{}", connect_timeout=5, proxy=f"http://127.0.0.1:{port}")
        with await way.open(through) as answer:
            assert await answer.read_whole() == b"{}"
        assert (proxy.accepted, up.accepted) == (1, 1)
        nowhere = UpstreamCall(url=up.url, headers={}, body=b"", connect_timeout=5, proxy="http://127.0.0.1:1")
        with pytest.raises(RemoteError, match="proxy"):
            await way.open(nowhere)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_through_a_proxy_that_is_spoken_to_in_tls(certificate: tuple[Path, Path], scheme: str) -> None:
    cert, key = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    body = b"x" * 3_000_000
    whole = answering(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
    inside = context if scheme == "https" else None
    async with upstream(connect_proxy, context) as proxy, upstream(whole, inside) as up, transport() as way:
        way_in = proxy.url.partition("/v1")[0]
        through = UpstreamCall(url=up.url, headers={}, body=b"{}", connect_timeout=5, ca=str(cert), proxy=way_in)
        for _ in range(2):
            with await way.open(through) as answer:
                assert await answer.read_whole() == body
        distrusting = UpstreamCall(url=up.url, headers={}, body=b"", connect_timeout=5, proxy=way_in)
        with pytest.raises(RemoteError, match="proxy"):
            await way.open(distrusting)
