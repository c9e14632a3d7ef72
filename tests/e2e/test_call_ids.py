"""The real clients over an upstream that numbers the calls of each answer from 0: each call is run once, and the task
is done. Before ids were made unique, Claude Code took the second call for answered and asked without end."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests import harness
from tests.clients import run_client
from tests.harness import Simulator

OWN = re.compile(rb'"(?:id|call_id)": ?"(?:call|toolu)_[0-9a-zA-Z]+"')


class Numbering(ThreadingHTTPServer):
    """Passes on what the simulator answers, its call ids replaced: per answer from 0, as Kimi's parsers do, in
    ``form``; ``repeated`` counts the histories in which two calls had one id, ``asked`` all."""

    daemon_threads = True

    def __init__(self, simulator: str, form: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.simulator = simulator
        self.form = form
        self.asked = self.repeated = 0
        self.ids: set[str] = set()

    def numbered(self, body: bytes) -> bytes:
        """Each own id becomes the next number, wherever it stands."""
        numbers: dict[bytes, bytes] = {}
        for own in OWN.findall(body):
            value = own.split(b'"')[3]
            numbers.setdefault(value, (self.form % len(numbers)).encode())
        for own, number in numbers.items():
            body = body.replace(b'"%b"' % own, b'"%b"' % number)
        return body

    def count(self, asked: dict[str, Any]) -> None:
        ids = [id_ for message in asked.get("messages", asked.get("input", [])) for id_ in calls_of(message)]
        self.asked += 1
        self.repeated += len(set(ids)) < len(ids)
        self.ids |= set(ids)


def calls_of(message: dict[str, Any]) -> list[str]:
    if message.get("type") == "function_call":
        return [message["call_id"]]
    content = message["content"] if isinstance(message.get("content"), list) else []
    return [call["id"] for call in message.get("tool_calls") or [each for each in content if "input" in each]]


class Answering(BaseHTTPRequestHandler):
    server: Numbering

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.count(json.loads(body))
        own = ("host", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in own}
        answer = httpx.post(self.server.simulator + self.path, content=body, headers=headers, timeout=60)
        whole = self.server.numbered(answer.content)
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)

    def log_message(self, format: str, *args: object) -> None:
        """Not a word."""


@pytest.fixture
def numbering(upstream: Simulator, request: pytest.FixtureRequest) -> Iterator[Numbering]:
    with Numbering(upstream.url, request.param) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def gateway_to(numbering: Numbering, wire: str) -> Any:
    address = f"http://127.0.0.1:{numbering.server_port}"
    fox = {"name": "fox", "enabled": True, "base-url": f"{address}/v1", "api-key": "k", "wire-api": wire}
    return harness.daemon(harness.config(fox, disable_cooling=True, request_retry=0))


@pytest.mark.parametrize(
    ("numbering", "wire"),
    [("functions.Bash:%d", "chat"), ("call_%d", "chat"), ("call_%d", "messages"), ("call_%d", "responses")],
    indirect=["numbering"],
)
def test_claude_code_ends_its_task(numbering: Numbering, wire: str) -> None:
    with gateway_to(numbering, wire) as gateway:
        assert "PASS" in run_client("run-claude-code.sh", gateway.url, "gpt-5", "tools")
    assert (numbering.repeated, len(numbering.ids) >= 8) == (0, True)


@pytest.mark.parametrize("numbering", ["call_%d"], indirect=True)
def test_codex_ends_its_task(numbering: Numbering) -> None:
    with gateway_to(numbering, "chat") as gateway:
        assert "PASS" in run_client("run-codex.sh", gateway.url, "gpt-5", "tools")
    assert numbering.repeated == 0
