"""Probes of real servers on this host: what goes wrong at each step."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec import structs

from daemon.config.provider import providers_of
from daemon.config.schema import Config, Tppc, TppcProvider
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.probe import Probe, probe

KEY = "sk-planted"
LIST = b'{"data":[{"id":"gpt-5"}]}'
HTML = b"<!doctype html>hello"


def auth(url: str, **more: str) -> CoreAuth:
    provider = TppcProvider(name="fox", enabled=True, base_url=url, api_key=Secret(KEY), **more)  # type: ignore[arg-type]  # plain texts all
    config = Config(tppc=Tppc(providers=(provider,)))
    (made,), _ = synthesize(config, providers_of(config))
    return made


def steps(result: Probe) -> list[tuple[str, bool]]:
    return [(check.name, check.ok) for check in result.checks]


class Server:
    """Answers each path with bytes, anything else with 404; remembers the requests."""

    def __init__(self, pages: dict[str, bytes], raw: bytes | None = None) -> None:
        self.requests: list[str] = []
        self._pages = pages
        self._raw = raw

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            if self._raw is not None:
                writer.write(self._raw)
                return await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            body = self._pages.get(head.split(" ")[1].partition("?")[0])
            status, body = ("404 Not Found", b"{}") if body is None else ("200 OK", body)
            kind = "text/html" if body.startswith(b"<") else "application/json"
            answer = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            writer.write(answer)
            await writer.drain()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A server on a free port; left once every connection has been closed on this side too."""
    running: set[object] = set()
    idle = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(writer)
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            running.discard(writer)
            if not running:
                idle.set()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        while running:
            idle.clear()
            await idle.wait()


@pytest.mark.asyncio
async def test_a_provider_that_works() -> None:
    server = Server({"/v1/models": LIST})
    async with serving(server) as port:
        result = await probe(auth(f"http://localhost:{port}/v1?planted=1"))
    assert steps(result) == [("dns", True), ("connect", True), ("models", True)]
    assert result.diagnosis.ok
    assert result.diagnosis.models == ("gpt-5",)
    head, without_key = [request.lower() for request in server.requests]
    assert f"host: localhost:{port}\r\n" in head
    assert f"authorization: bearer {KEY}\r\n" in head
    assert "authorization" not in without_key
    assert "planted" not in result.url
    assert result.diagnosis.verified == "unknown"  # anybody gets this list
    assert "accepts" not in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_the_missing_v1_is_found_by_looking_there() -> None:
    for pages in ({"/api/v1/models": LIST}, {"/api/models": HTML, "/api/v1/models": LIST}):
        async with serving(Server(pages)) as port:
            result = await probe(auth(f"http://127.0.0.1:{port}/api"))
        assert (result.diagnosis.ok, result.diagnosis.hint) == (
            False,
            f"write base-url: http://127.0.0.1:{port}/api/v1",
        )


@pytest.mark.asyncio
async def test_where_the_v1_would_not_help_it_is_not_claimed() -> None:
    async with serving(Server({"/web/models": HTML, "/web/v1/models": HTML})) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}/web"))
    assert "a web page" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = await probe(auth(f"http://127.0.0.1:{port}"))
    assert steps(result) == [("dns", True), ("connect", False)]
    assert "nothing listens" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_name_that_does_not_exist() -> None:
    result = await probe(auth("http://no-such-name.invalid/v1"))
    assert steps(result) == [("dns", False)]
    assert "does not resolve" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_host_out_of_reach_is_not_connected_to() -> None:
    egress = EgressPolicy()
    egress.note(["localhost"], AllowedNetworks.PUBLIC)
    server = Server({})
    async with serving(server) as port:
        result = await probe(auth(f"http://localhost:{port}"), egress=egress)
    assert steps(result) == [("dns", False)]
    assert "(loopback)" in result.diagnosis.explanation
    assert server.requests == []


@pytest.mark.asyncio
@pytest.mark.parametrize("host, proxy", [("fox.invalid", "localhost"), ("localhost", "127.0.0.1")])
async def test_neither_a_proxy_out_of_reach_nor_a_host_behind_one_is_asked(host: str, proxy: str) -> None:
    egress = EgressPolicy()
    egress.note(["localhost", "fox.invalid"], AllowedNetworks.PUBLIC)
    server = Server({})
    async with serving(server) as port:
        behind = auth(f"http://{host}:{port}/v1", proxy_url=f"http://{proxy}:{port}")
        result = await probe(behind, egress=egress)
    assert "(loopback)" in result.diagnosis.explanation
    assert server.requests == []


@pytest.mark.asyncio
async def test_https_to_a_port_that_speaks_http() -> None:
    async with serving(Server({}, raw=b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        result = await probe(auth(f"https://127.0.0.1:{port}"))
    assert steps(result)[-1] == ("tls", False)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "is not an HTTP server"), (b"", "closed the connection without an answer")],
)
async def test_what_does_not_speak_http(raw: bytes, words: str) -> None:
    async with serving(Server({}, raw=raw)) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}"))
    assert steps(result)[-1] == ("models", False)
    assert words in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_connected_and_silent() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}"), timeout=0.2)
    assert "there is no response" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_proxy_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = await probe(auth("https://fox.invalid/v1", proxy_url=f"http://127.0.0.1:{port}"))
    assert steps(result) == [("models", False)]
    assert "the proxy" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_certificates(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: no certificate can be made")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=DNS:localhost", "-out", str(cert), "-keyout", str(key)]
    subprocess.run(made, check=True, capture_output=True)
    with serving_tls(cert, key) as port:
        url = f"https://localhost:{port}"
        assert "is not trusted" in (await probe(auth(url))).diagnosis.explanation
        trusted = await probe(auth(url), ca=str(cert))
        assert steps(trusted) == [("dns", True), ("connect", True), ("tls", True), ("models", True)]
        assert "upstream-ca" in (await probe(auth(url), ca=str(tmp_path / "gone"))).diagnosis.explanation


@contextlib.contextmanager
def serving_tls(cert: Path, key: Path) -> Iterator[int]:
    """An HTTPS server on a thread, which outlives handshakes that are broken off."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(LIST)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def raw(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = (f"HTTP/1.1 {status}", "content-type: application/json", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


def sized(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return raw(body, *headers, f"content-length: {len(body)}", status=status)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "response, ok, words",
    [
        (
            sized(b"", "location: https://other.example/v1", status="302 Found"),
            False,
            "redirects (HTTP 302) to https://other",
        ),
        (sized(gzip.compress(LIST), "content-encoding: gzip"), True, "lists 1 model"),
        (raw(b"%x\r\n%b\r\n0\r\n\r\n" % (len(LIST), LIST), "transfer-encoding: chunked"), True, "lists 1 model"),
        (raw(LIST), True, "lists 1 model"),
        (sized(b"[" + b"1," * 2_000_000 + b"1]"), False, "not JSON"),
        (raw(LIST, "content-length: 4096"), False, "cut its answer"),
        (sized(LIST, "content-encoding: br"), False, "the body is encoded as br"),
    ],
    ids=["redirect", "gzip", "chunked", "until closed", "larger than is looked at", "cut", "unknown encoding"],
)
async def test_what_comes_back_is_read_as_in_traffic(response: bytes, ok: bool, words: str) -> None:
    async def responding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async with serving(responding) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}/v1"))
    assert (result.diagnosis.ok, steps(result)[-1][0]) == (ok, "models")
    assert words in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_body_that_never_ends_is_given_up() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw(b"["))
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}"), timeout=0.1)
    assert "there is no response" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_handshake_that_does_not_come() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        result = await probe(auth(f"https://127.0.0.1:{port}"), timeout=1)
    assert steps(result) == [("dns", True), ("connect", True), ("tls", False)]
    assert "handshake" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_of_several_addresses_the_one_that_answers_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Server({"/v1/models": LIST})) as port:

        async def two(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
        result = await probe(auth(f"http://fox.example:{port}"))
    assert steps(result) == [("dns", True), ("connect", True), ("models", True)]
    assert [check.detail for check in result.checks] == ["127.0.0.2, 127.0.0.1", f"127.0.0.1 port {port}", "HTTP 200"]


@pytest.mark.asyncio
async def test_a_second_look_at_v1_is_a_second_response_and_no_second_dial() -> None:
    async with serving(Server({"/api/v1/models": LIST})) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}/api"))
    assert steps(result) == [("dns", True), ("connect", True), ("models", True), ("models", True)]


@pytest.mark.asyncio
async def test_a_header_that_cannot_be_sent_is_named() -> None:
    async with serving(Server({})) as port:
        result = await probe(structs.replace(auth(f"http://127.0.0.1:{port}"), headers=(("x-name", "Füchsin"),)))
    assert "a header of this provider" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_a_disabled_provider_may_have_any_base_url() -> None:
    for url in ("fox.example/v1", "ftp://fox.example", "http://fox.example:0x1f"):
        result = await probe(auth(url))
        assert (result.checks, result.diagnosis.ok) == ((), False)
        assert "base-url" in result.diagnosis.explanation


async def connect_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A CONNECT proxy that sends every name to this host."""
    target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
    await tunnel(reader, writer, target.rpartition(":")[2], b"HTTP/1.1 200 Connection established\r\n\r\n")


async def socks_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A SOCKS5 proxy without authentication that sends every name to this host."""
    await reader.readexactly((await reader.readexactly(2))[1])
    writer.write(b"\x05\x00")
    *_, kind = await reader.readexactly(4)
    await reader.readexactly((await reader.readexactly(1))[0] if kind == 3 else 4)
    port = int.from_bytes(await reader.readexactly(2))
    await tunnel(reader, writer, str(port), b"\x05\x00\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2))


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: str, ready: bytes) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(ready)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer), return_exceptions=True)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme, proxy", [("http", connect_proxy), ("socks5", socks_proxy), ("socks5h", socks_proxy)])
async def test_through_a_proxy_there_is_one_step(scheme: str, proxy: Handler) -> None:
    server = Server({"/v1/models": LIST})
    async with serving(server) as port, serving(proxy) as proxy_port:
        behind = auth(f"http://fox.invalid:{port}/v1", proxy_url=f"{scheme}://127.0.0.1:{proxy_port}")
        result = await probe(behind)
    assert (steps(result), result.diagnosis.models) == ([("models", True)], ("gpt-5",))
    assert f"host: fox.invalid:{port}\r\n" in server.requests[0].lower()


@pytest.mark.asyncio
async def test_a_proxy_that_wants_a_password() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    async with serving(Server({}, raw=refusal)) as port:
        result = await probe(auth("https://fox.invalid/v1", proxy_url=f"http://127.0.0.1:{port}"))
    assert steps(result) == [("models", False)]
    assert "requires a login (HTTP 407)" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_https_through_a_proxy_to_a_port_that_speaks_http() -> None:
    async with serving(Server({}, raw=b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port, serving(connect_proxy) as proxy:
        result = await probe(auth(f"https://fox.invalid:{port}/v1", proxy_url=f"http://127.0.0.1:{proxy}"))
    assert steps(result) == [("models", False)]
    assert "fox.invalid" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_direct_bypasses_the_proxy() -> None:
    async with serving(Server({"/v1/models": LIST})) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}", proxy_url="direct"))
    assert steps(result) == [("dns", True), ("connect", True), ("models", True)]
