"""Clients and proxies that do not send plain HTTP/1.1: each is served as it is, on every entry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests import harness
from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, script
from tests.e2e.nginx import MISSING, fixed_port, started
from tests.harness import Daemon, Simulator, config, provider

KEY = "client-key-of-the-front-door"
SAID = "Zebra"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

REQUESTS = [(dialect, stream) for dialect in (MESSAGES, CHAT, RESPONSES) for stream in (False, True)]
NAMES = [f"{dialect.path}, {'streamed' if stream else 'whole'}" for dialect, stream in REQUESTS]

PLAIN = """
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{listen};
        location / {{ proxy_pass http://127.0.0.1:{port}; }}
    }}
}}
"""
"""Nothing but what the manual's first example has: HTTP/1.0 and no forwarding header toward the daemon."""


@pytest.fixture(scope="module")
def gateway(_first: Simulator) -> Iterator[Daemon]:
    with harness.daemon(config(provider("fox", _first), api_keys=[KEY])) as running:
        yield running


@pytest.fixture(scope="module")
def nginx_url(gateway: Daemon) -> Iterator[str]:
    listen = fixed_port()
    port = int(gateway.url.rpartition(":")[2])
    try:
        with started(PLAIN.format(listen=listen, port=port), f"http://127.0.0.1:{listen}") as url:
            yield url
    except LookupError:
        pytest.skip(MISSING)


def body_of(dialect: Dialect, stream: bool) -> bytes:
    return json.dumps(dialect.request(script({"text": SAID}), stream=stream)).encode()


@pytest.mark.parametrize(("dialect", "stream"), REQUESTS, ids=NAMES)
@pytest.mark.parametrize("options", [("--http2",), ("--http1.0",), ("--http1.1",)], ids=lambda options: options[0])
def test_curl(gateway: Daemon, dialect: Dialect, stream: bool, options: Sequence[str]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    done = subprocess.run(
        ["curl", "-sS", *options, "-w", "\n%{http_code}", "--data-binary", "@-", gateway.url + dialect.path]
        + [f"-H{name}: {value}" for name, value in HEADERS.items()],
        input=body_of(dialect, stream),
        capture_output=True,
        timeout=harness.PATIENCE,
        check=False,
    )
    answer, _, status = done.stdout.decode().rpartition("\n")
    assert (done.returncode, status) == (0, "200"), done.stderr
    assert SAID in answer


def test_the_jdk(gateway: Daemon, tmp_path: Path) -> None:
    """LangChain4j and Spring AI use it with its defaults."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("no java")
    arguments: list[str] = []
    for dialect, stream in REQUESTS:
        arguments += [gateway.url + dialect.path, body_of(dialect, stream).decode()]
    done = subprocess.run(
        [java, str(harness.ROOT / "tests/data/FrontDoor.java"), KEY, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert [answer.split(" ")[1] for answer in answers] == ["200"] * len(REQUESTS), answers
    assert all(SAID in answer for answer in answers)


@pytest.mark.parametrize(("dialect", "stream"), REQUESTS, ids=NAMES)
def test_nginx_with_its_defaults(nginx_url: str, dialect: Dialect, stream: bool) -> None:
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.post(nginx_url + dialect.path, content=body_of(dialect, stream), headers=HEADERS)
        assert client.get(f"{nginx_url}/v1/models").status_code == 401
    assert answer.status_code == 200
    assert SAID in answer.text


@pytest.mark.parametrize(
    "head",
    [
        b"OPTIONS / HTTP/1.0\r\n\r\n",  # option httpchk
        b"GET /healthz HTTP/1.0\r\n\r\n",  # option httpchk GET /healthz
        b"GET /readyz HTTP/1.0\r\nHost: any.example\r\n\r\n",  # http-check send meth GET uri /readyz hdr Host …
        b"HEAD /healthz HTTP/1.0\r\n\r\n",
    ],
)
def test_a_check_of_haproxy(gateway: Daemon, head: bytes) -> None:
    """2xx and 3xx are up for it. It is given no details, since nobody knows who asks."""
    host, _, port = gateway.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ")[1][:1] in b"23", answer
    assert b"connection: close" in answer
    assert b"transfer-encoding" not in answer and b"providers" not in answer
