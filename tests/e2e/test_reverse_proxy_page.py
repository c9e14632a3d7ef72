"""What docs/how-to/reverse-proxy.md shows works: each proxy in front of a daemon, as it is on the page."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests import harness
from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.e2e.reverse_proxies import COMMANDS, client, proxy, shown
from tests.harness import Daemon, Simulator, config, provider

KEY = {"authorization": "Bearer client-key-of-the-proxy", "content-type": "application/json"}
SAID = "Zebra crossing"
TOO_LONG = b"{".ljust(70_000_000)


@pytest.fixture(scope="module")
def daemon(_first: Simulator) -> Iterator[Daemon]:
    text = config(
        provider("fox", _first),
        api_keys=["client-key-of-the-proxy"],
        remote_management={"trusted-proxies": ["127.0.0.1"], "secret-key": "management-key-1"},
    )
    with harness.daemon(text) as running:
        yield running


@pytest.fixture(scope="module", params=COMMANDS)
def url(request: pytest.FixtureRequest, daemon: Daemon) -> Iterator[str]:
    with proxy(request.param, port_of(daemon.url)) as there:
        yield there


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", [MESSAGES, CHAT, RESPONSES], ids=lambda each: each.path)
def test_every_entry_is_served(url: str, dialect: Dialect, stream: bool) -> None:
    body = dialect.request(script({"text": SAID}), stream=stream)
    with client() as asking:
        assert asking.post(url + dialect.path, json=body).status_code == 401
        answer = asking.post(url + dialect.path, json=body, headers=KEY)
    assert answer.status_code == 200
    assert SAID in answer.text or SAID in streamed_text(dialect, list(events(answer)))


def test_an_event_arrives_before_the_next_is_sent(url: str, upstream: Simulator) -> None:
    """The upstream sends a part and then nothing, for longer than the test would wait."""
    upstream.fail({"fault": "stall", "after": 8, "seconds": 600})
    body = MESSAGES.request(script({"text": SAID * 20}), stream=True)
    with client() as asking, asking.stream("POST", url + MESSAGES.path, json=body, headers=KEY) as answer:
        first = next(MESSAGES.delta(event) for event in events(answer) if MESSAGES.delta(event))
    assert first


def test_bodies_may_have_64_mib(url: str) -> None:
    long = MESSAGES.request(script({"text": SAID}) + " " * 5_000_000, stream=False)
    with client() as asking:
        assert asking.post(url + MESSAGES.path, json=long, headers=KEY).status_code == 200
    key = f"authorization: {KEY['authorization']}\r\n".encode()
    assert status_of(url, key + b"content-type: application/json\r\ncontent-length: 70000000\r\n\r\n" + TOO_LONG) == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v0/management/config.yaml",
        "/api/v1/providers",
        "/metrics",
        "/v1/../v0/management/config.yaml",
        "/v1/%2e%2e/v0/management/config.yaml",
        "//v0/management/config.yaml",
        "/healthz/../v0/management/config.yaml",
    ],
)
def test_management_is_not_exposed(url: str, path: str) -> None:
    key = b"x-management-key: management-key-1\r\n\r\n"
    assert status_of(url, key, f"GET {path}") in (301, 308, 400, 404)


def test_connections_to_the_daemon_are_used_again(url: str, daemon: Daemon) -> None:
    before = connections(port_of(daemon.url))
    with client() as asking:
        for _ in range(8):
            asking.post(url + CHAT.path, json=CHAT.request(script({"text": SAID}), stream=True), headers=KEY)
    assert len(connections(port_of(daemon.url)) - before) <= 3


def test_the_daemon_sees_who_calls(url: str, daemon: Daemon) -> None:
    """A forged header is replaced by the proxy. Callers on this host see diagnostics, others do not."""
    forged = {"x-forwarded-for": "192.0.2.1"}
    with client() as asking:
        assert "diagnostics" in asking.get(f"{url}/healthz", headers=forged).json()["last-reload"]
    assert "diagnostics" not in daemon.get("/healthz", headers=forged).json()["last-reload"]


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_they_are_as_patient_as_the_page_says(name: str) -> None:
    """A stream may be silent for minutes. Caddy has no limit unless one is set."""
    patience = {"nginx": ("proxy_read_timeout", "proxy_send_timeout"), "haproxy": ("timeout client", "timeout server")}
    for setting in patience[name]:
        assert re.search(rf"^ +{setting} 1h;?$", shown(name), re.M), setting


def status_of(url: str, rest: bytes, what: str = f"POST {MESSAGES.path}") -> int:
    """Of a request that is exactly this."""
    target = httpx.URL(url)
    connection = socket.create_connection((target.host, target.port), timeout=30)
    if target.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    with connection:
        with suppress(OSError):  # a proxy that has refused it reads no more
            connection.sendall(f"{what} HTTP/1.1\r\nhost: llm.example\r\n".encode() + rest)
        return int(connection.recv(4096).split(b" ")[1])


def connections(port: int) -> set[str]:
    """The client's side of each connection to a port of this host that there is or was a moment ago."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[2] == f"0100007F:{port:04X}"}
