"""Probes of real servers on this host: what goes wrong at each step."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

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
    (head,) = [request.lower() for request in server.requests]
    assert f"host: localhost:{port}\r\n" in head
    assert f"authorization: bearer {KEY}\r\n" in head
    assert "planted" not in result.url


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
@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b""])
async def test_what_does_not_speak_http(raw: bytes) -> None:
    async with serving(Server({}, raw=raw)) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}"))
    assert steps(result)[-1] == ("models", False)
    assert "does not speak HTTP" in result.diagnosis.explanation


@pytest.mark.asyncio
async def test_connected_and_silent() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        result = await probe(auth(f"http://127.0.0.1:{port}"), timeout=0.2)
    assert "no answer comes" in result.diagnosis.explanation


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
