"""Why a collector does not take what is sent, and how often that is said."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from loguru import logger

from daemon.telemetry.otel.collector import PAUSE, NotedSession, Reachability, quiet
from daemon.telemetry.otel.settings import ExportTarget
from tests.collector import collector

TARGET = ExportTarget(endpoint="http://user:planted@collector:4317/v1/traces", timeout=2.5)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    said: list[str] = []
    handler = logger.add(lambda message: said.append(f"{message.record['level'].name}: {message.record['message']}"))
    yield said
    logger.remove(handler)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_line_for_each_change_and_one_warning_a_minute(lines: list[str]) -> None:
    clock = Clock()
    signal = Reachability("traces", TARGET, clock)
    for _ in range(5):
        signal.taken()
        signal.refused("it answers with HTTP 503", 10)
        signal.refused("connection refused", 10)
    assert [line.split(":")[0] for line in lines] == ["WARNING", "INFO"]
    clock.now += PAUSE
    signal.refused("connection refused", 1)
    assert [line.split(":")[0] for line in lines] == ["WARNING", "INFO", "WARNING"]
    assert "planted" not in "".join(lines)


def test_the_port_for_grpc_is_named(lines: list[str]) -> None:
    Reachability("metrics", TARGET).refused("it does not answer in time", 1)
    (line,) = lines
    assert "metrics: it does not answer in time (2.5 s) (4317 is usually its port for gRPC" in line


@pytest.mark.parametrize(
    ("state", "why"),
    [("taken", ""), ("redirected", "it answers with HTTP 302"), ("refused", "it answers with HTTP 401"),
     ("down", "connection refused"), ("silent", "it does not answer in time"),
     ("not-http", "it closes the connection, or does not answer with HTTP"), ("unknown", "its name does not resolve")],
)  # fmt: skip
def test_the_reason_is_in_words(state: str, why: str) -> None:
    """Whatever library is at fault, and never with the address or a header in it."""
    session = NotedSession("http://collector")
    with collector() as seen, socket.create_server(("127.0.0.1", 0)) as plain:
        url = seen.url
        seen.status = {"redirected": 302, "refused": 401}.get(state, 200)
        if state == "silent":
            seen.held.set()
        if state in ("down", "not-http"):
            url = f"http://127.0.0.1:{plain.getsockname()[1]}"
        if state == "down":
            plain.close()
        if state == "not-http":
            url = _answering(plain, b"SSH-2.0-x\r\n")
        if state == "unknown":
            url = "http://collector.invalid"
        try:
            session.post(f"{url}/v1/traces", data=b"", timeout=0.2 if state == "silent" else 20, allow_redirects=False)
        except requests.RequestException:
            assert why
        seen.held.clear()
    session.close()
    assert session.why == why


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [("http://127.0.0.1", "Bearer ours"), ("http://user:word@127.0.0.1", "Basic dXNlcjp3b3Jk")],
)
def test_no_netrc_takes_the_place_of_a_header(tmp_path, monkeypatch, endpoint: str, expected: str) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with collector() as seen, NotedSession(endpoint) as session:
        url = seen.url.replace("http://127.0.0.1", endpoint)
        session.post(f"{url}/v1/traces", data=b"", headers={"authorization": "Bearer ours"}, timeout=20)
    assert seen.headers[0]["authorization"] == expected


def test_a_certificate_that_cannot_be_read_is_named() -> None:
    with NotedSession("https://127.0.0.1") as session:
        session.verify = "/nowhere/ca.pem"
        with pytest.raises(OSError, match="certificate"):
            session.post("https://127.0.0.1:9/v1/traces", timeout=20)
    assert session.why.startswith("a file of OTEL_EXPORTER_OTLP_CERTIFICATE")


def test_of_the_sdks_own_log_only_a_full_queue_is_heard(lines: list[str]) -> None:
    """It would quote a header that it cannot read."""
    names = ("opentelemetry", "urllib3")
    before = [(logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in names]
    try:
        quiet(Reachability("traces", TARGET))
        logging.getLogger("opentelemetry.util.re").warning("Header format invalid! %s", "authorization planted")
        logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers (url=%s)", "planted")
        assert lines == []
        for _ in range(3):
            logging.getLogger("opentelemetry.sdk._shared_internal").warning("Queue full, dropping %s.", "Span")
    finally:
        for name, (handlers, propagate) in zip(names, before, strict=True):
            logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate
    (line,) = lines
    assert "does not take traces: it is slower than the requests" in line


def _answering(server: socket.socket, data: bytes) -> str:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"
