"""Why an upstream gives no answer: one cause, the same words for a client, in the provider test and in ``doctor``.

Real servers, certificates and proxies on this host, one for each cause; one daemon with a provider for each.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.dialects import CHAT
from tests.harness import config, daemon, provider, tppcd
from tests.managing import KEY
from tests.pages.tables import quoted, rows
from tests.upstream.http.certificates import Authority, self_signed

PLANTED: Final = "sk-planted-in-the-path-42"
Script = Callable[[socket.socket], None]


class Server(socketserver.ThreadingTCPServer):
    """Runs ``script`` for each connection, over TLS with ``context``."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._script = script
        self._context = context
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def finish_request(self, request: object, _: object) -> None:
        assert isinstance(request, socket.socket)
        with suppress(OSError):
            if self._context is None:
                return self._script(request)
            with self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as connection:
                connection.do_handshake()
                self._script(connection)


def sends(answer: bytes) -> Script:
    """Once something has come."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return script


def greets(banner: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(banner)
        connection.recv(65536)

    return script


def answers(connection: socket.socket) -> None:
    """An HTTP server that waits for the end of a head, however long it takes."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (data := connection.recv(65536)):
            return
        head += data
    connection.sendall(status("404 Not Found"))


def hangs_up(connection: socket.socket) -> None:
    connection.recv(65536)


def status(line: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {line}", *headers, f"content-length: {len(body)}", "", ""))
    return head.encode() + body


def socks(*replies: bytes) -> Script:
    """A SOCKS5 proxy's replies to what comes."""

    def script(connection: socket.socket) -> None:
        for reply in replies:
            connection.recv(65536)
            connection.sendall(reply)

    return script


NGINX: Final = b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>"
GO: Final = b"Client sent an HTTP request to an HTTPS server.\n"
SOCKS_REPLY: Final = b"\x05%c\x00\x01\x00\x00\x00\x00\x00\x00"


class Row(NamedTuple):
    """``words`` are the explanation; ``{port}`` is the server's. ``url`` is the base URL's beginning, ``proxy`` another
    one's scheme: then the server is the proxy."""

    words: str
    server: Script | None = None
    tls: str = ""
    url: str = "http://127.0.0.1"
    proxy: str = ""


OVER_TLS = "https://localhost"
REASON: Final = r"attempt failed.* provider={} .*\breason=(\w+)"
PAGE: Final = rows("docs/how-to/troubleshooting.md", "The upstream cannot be reached")
ELSEWHERE: Final = "… does not answer in time"
"""Of the page: tests/upstream/http/test_causes.py, since no address of this host is silent."""
ROWS: Final[Mapping[str, Row]] = {
    "no-such-name": Row("the name fox.invalid does not resolve", url="http://fox.invalid"),
    "refused": Row("nothing listens on 127.0.0.1 port {port}"),
    "no-route": Row("255.255.255.255 port {port} cannot be reached: ", url="http://255.255.255.255"),
    "other-name": Row("the certificate of localhost is for another name", answers, "other", OVER_TLS),
    "other-address": Row("the certificate of 127.0.0.1 is for another name", answers, "other", "https://127.0.0.1"),
    "expired": Row("the certificate of localhost has expired", answers, "expired", OVER_TLS),
    "not-yet": Row("the certificate of localhost is not valid yet", answers, "not yet", OVER_TLS),
    "unknown-ca": Row("the certificate of localhost is not trusted: its CA is not known", answers, "foreign", OVER_TLS),
    "self-signed": Row("the certificate of localhost is not trusted: it is self-signed", answers, "alone", OVER_TLS),
    "plain-at-once": Row("localhost port {port} uses plain HTTP", sends(status("400 Bad Request")), url=OVER_TLS),
    "plain-that-waits": Row("localhost port {port} uses plain HTTP", answers, url=OVER_TLS),
    "no-tls": Row("the TLS handshake with localhost port {port} fails", greets(b"SSH-2.0-x\r\n"), url=OVER_TLS),
    "no-handshake": Row("localhost port {port} hangs up in the TLS handshake", hangs_up, url=OVER_TLS),
    "tls-that-hangs-up": Row("plain HTTP was sent to an HTTPS port", answers, "good"),
    "tls-alert": Row("plain HTTP was sent to an HTTPS port", sends(b"\x15\x03\x01\x00\x02\x02\x46")),
    "tls-nginx": Row("plain HTTP was sent to an HTTPS port", sends(status("400 Bad Request", body=NGINX))),
    "tls-go": Row("plain HTTP was sent to an HTTPS port", sends(status("400 Bad Request", body=GO))),
    "no-http": Row("what answers at 127.0.0.1 port {port} is not an HTTP server", greets(b"SSH-2.0-x\r\n\r\n")),
    "no-answer": Row("the upstream 127.0.0.1 port {port} closed the connection without an answer", hangs_up),
    "half-an-answer": Row(
        "the upstream 127.0.0.1 cut its answer before the end",
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
    ),
    "odd-status": Row("an answer that cannot be read: its status is 999", sends(status("999 Odd"))),
    "redirect": Row(
        "the upstream redirects (HTTP 302) to https://new.example",
        sends(status("302 Found", "location: https://new.example/v1")),
    ),
    "login-on-the-way": Row("requires a login (HTTP 407)", sends(status("407 Proxy Authentication Required"))),
    "proxy-refused": Row("the proxy 127.0.0.1:{port} cannot be reached: connection refused", proxy="http"),
    "proxy-without-name": Row(
        "the name of the proxy gate.invalid:{port} does not resolve", proxy="http://gate.invalid"
    ),
    "proxy-login": Row(
        "the proxy 127.0.0.1:{port} requires a login (HTTP 407)", sends(status("407 Login")), proxy="http"
    ),
    "proxy-forbids": Row(
        "the proxy 127.0.0.1:{port} does not allow fox.invalid port 80 (HTTP 403)",
        sends(status("403 Forbidden")),
        proxy="http",
    ),
    "proxy-cannot": Row(
        "the proxy 127.0.0.1:{port} cannot reach fox.invalid port 80 (HTTP 502)",
        sends(status("502 Bad Gateway")),
        proxy="http",
    ),
    "proxy-is-none": Row(
        "what answers at 127.0.0.1:{port} is not such a proxy (HTTP 405)", sends(status("405 No")), proxy="http"
    ),
    "proxy-hangs-up": Row("the proxy 127.0.0.1:{port} hangs up", hangs_up, proxy="http"),
    "proxy-not-trusted": Row(
        "the TLS handshake with the proxy 127.0.0.1:{port} fails: the certificate of the proxy is not trusted",
        answers,
        "foreign",
        proxy="https",
    ),
    "proxy-without-tls": Row(
        "the TLS handshake with the proxy 127.0.0.1:{port} fails", sends(status("400 No")), proxy="https"
    ),
    "socks-login": Row("the proxy 127.0.0.1:{port} requires a login", socks(b"\x05\xff"), proxy="socks5"),
    "socks-forbids": Row(
        "the proxy 127.0.0.1:{port} does not allow fox.invalid port 80",
        socks(b"\x05\x00", SOCKS_REPLY % 2),
        proxy="socks5",
    ),
    "socks-cannot": Row(
        "the proxy 127.0.0.1:{port} cannot reach fox.invalid port 80",
        socks(b"\x05\x00", SOCKS_REPLY % 4),
        proxy="socks5h",
    ),
    "socks-refused": Row(
        "nothing listens on fox.invalid port 80, says the proxy 127.0.0.1:{port}",
        socks(b"\x05\x00", SOCKS_REPLY % 5),
        proxy="socks5",
    ),
    "socks-is-none": Row(
        "what answers at 127.0.0.1:{port} is not such a proxy", sends(status("400 Bad Request")), proxy="socks5"
    ),
    "socks-hangs-up": Row("the proxy 127.0.0.1:{port} hangs up", hangs_up, proxy="socks5"),
}


class Said(NamedTuple):
    """The words, and what was said by whom; ``status`` is the client's."""

    words: str
    status: int
    client: str
    test: str
    doctor: str
    reason: str
    """In the log, of the attempt that failed."""


@contextmanager
def contexts() -> Iterator[tuple[Mapping[str, ssl.SSLContext], bytes]]:
    """By kind of certificate; and the CA that is trusted."""
    trusted, foreign = Authority("trusted"), Authority("foreign")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        yield (
            {
                "good": trusted.server(directory),
                "other": trusted.server(directory, "other.example", "127.0.0.9"),
                "expired": trusted.server(directory, days=-0.5),
                "not yet": trusted.server(directory, since=1),
                "foreign": foreign.server(directory),
                "alone": self_signed(directory),
            },
            trusted.pem,
        )


@pytest.fixture(scope="module")
def said() -> Iterator[Mapping[str, Said]]:
    with ExitStack() as stack:
        kinds, ca = stack.enter_context(contexts())
        providers, words = [], {}
        for name, row in ROWS.items():
            if row.server is None:
                with socket.create_server(("127.0.0.1", 0)) as taken:
                    port = taken.getsockname()[1]
            else:
                server = stack.enter_context(Server(row.server, kinds.get(row.tls)))
                stack.callback(server.shutdown)
                port = server.server_address[1]
            words[name] = row.words.format(port=port)
            url, more = f"{row.url}:{port}/{PLANTED}/v1", {}
            if row.proxy:
                scheme, _, host = row.proxy.partition("://")
                url, more = (
                    f"http://fox.invalid/{PLANTED}/v1",
                    {"proxy_url": f"{scheme}://{host or '127.0.0.1'}:{port}"},
                )
            providers.append(provider(name, url, **more))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (home / "ca.pem").write_bytes(ca)
        text = config(*providers, upstream_ca="ca.pem", remote_management={"secret-key": KEY}, request_retry=0)
        running = stack.enter_context(daemon(text, home=home))

        def of(name: str) -> tuple[int, str, str]:
            answer = running.post(CHAT.path, CHAT.request("hello") | {"model": f"{name}/gpt-5"})
            tested = running.post(f"/v0/management/providers/{name}/test", {}, headers={"x-management-key": KEY}).json()
            return answer.status_code, answer.json()["error"]["message"], tested["explanation"]

        with ThreadPoolExecutor(8) as threads:
            results = dict(zip(ROWS, threads.map(of, ROWS), strict=True))
        doctor = tppcd("doctor", "--config", str(running.config), "--format", "json", home=running.home)
        lines = {line["about"]: line["text"] for line in json.loads(doctor.stdout)}
        reasons = {name: running.wait_log(REASON.format(name))[1] for name in ROWS}
        yield {name: Said(words[name], *results[name], lines[f"provider {name}"], reasons[name]) for name in ROWS}


@pytest.mark.parametrize("name", ROWS)
def test_each_cause_has_its_words_and_all_get_the_same(name: str, said: Mapping[str, Said]) -> None:
    """Nobody but the operator is shown more of an address than its host and port."""
    each = said[name]
    assert each.words in each.client
    assert each.words in each.test
    assert each.words in each.doctor
    assert (each.status, PLANTED in each.client) == (502, False)


@pytest.mark.parametrize(("sentence", "reason"), [(each, row[1]) for row in PAGE for each in quoted(row[0])])
def test_the_page_has_the_words_and_the_reason(sentence: str, reason: str, said: Mapping[str, Said]) -> None:
    pattern = ".*".join(re.escape(part.strip()) for part in sentence.split("…"))
    reasons = {each.reason for each in said.values() if re.search(pattern, each.client)}
    without_proxy = reasons if reason == "`proxy`" else reasons - {"proxy"}
    assert without_proxy == {reason.strip("`")} or sentence == ELSEWHERE
