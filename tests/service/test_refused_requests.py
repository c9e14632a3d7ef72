"""What the server itself refuses is reported once: by the request that waits for its body, else as a connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon.api.app import build
from daemon.api.inference.entry import entry
from daemon.gateway import request_lines
from daemon.service.protocol import ConnectionLimits
from tests.api.world import World
from tests.service.conftest import exchange, serving

Line = tuple[str, object, object, object]
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
LENGTH = HEAD + b"content-length: 9\r\n\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
VALID = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "x"}]}).encode()
QUICK = ConnectionLimits(header_seconds=0.1, header_bytes=2000, body_idle=0.1)


class Daemon:
    """The API on a real server; ``lines`` are (level, entry, status, reason) of every request line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World()
        self.app = build(self.world.services, entry=entry)
        self.lines: list[Line] = []
        monkeypatch.setattr(request_lines, "log_request", self._keep)

    def _keep(self, fields: dict[str, Any], level: str) -> None:
        self.lines.append((level, fields["entry"], fields["status"], fields.get("reason")))

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """By the values of the labels, in the order of their names."""
        families = text_string_to_metric_families(self.world.services.metrics.exposition().decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return {tuple(each.labels[label] for label in sorted(each.labels)): each.value for each in samples}

    async def ask(self, *chunks: bytes, limits: ConnectionLimits = QUICK) -> bytes:
        async with serving(self.app, limits, refused=self.world.services.lines.unparsed) as (_, port):
            answer = await exchange(port, *chunks)
        return answer[9:12]

    def has_reported(self, level: str, entry: str, status: int, reason: str, cause: str) -> None:
        assert self.lines == [(level, entry, status, reason)]
        assert self.series("tppcd_requests_total") == {(entry, "", str(status)): 1}
        failures = self.series("tppcd_request_failures_total")  # causes that have not been met are 0
        assert {each: count for each, count in failures.items() if count} == {(cause, entry): 1}
        assert self.series("tppcd_requests_in_flight") == {(): 0}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    return Daemon(monkeypatch)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "entry", "status", "reason"),
    [
        (LENGTH + b"{", "chat", 408, "timeout"),
        (CHUNKED + b"1\r\n{\r\n", "chat", 408, "timeout"),
        (CHUNKED + b"no length\r\n", "chat", 400, "bad_request"),
        (HEAD, "other", 408, "timeout"),
        (HEAD + b"x: " + b"y" * 3000, "other", 431, "head_too_large"),
        (b"GET http://proxied.example/ HTTP/1.1\r\nhost: x\r\n\r\n", "other", 400, "bad_request"),
        (b"\x16\x03\x01\r\n\r\n", "other", 400, "bad_request"),
    ],
)
async def test_what_the_server_refuses_is_one_line(
    daemon: Daemon, sent: bytes, entry: str, status: int, reason: str
) -> None:
    assert await daemon.ask(sent) == b"%d" % status
    daemon.has_reported("INFO", entry, status, reason, "client")


@pytest.mark.asyncio
async def test_a_connection_too_many_is_one_line(daemon: Daemon) -> None:
    assert await daemon.ask(b"", limits=ConnectionLimits(connections=0)) == b"503"
    daemon.has_reported("ERROR", "other", 503, "too_many", "limit")


@pytest.mark.asyncio
async def test_a_daemon_that_stops_says_so(daemon: Daemon) -> None:
    daemon.world.services.refusing = True
    assert await daemon.ask(HEAD + b"connection: close\r\n\r\n") == b"503"
    daemon.has_reported("ERROR", "chat", 503, "stopping", "gateway")


@pytest.mark.asyncio
async def test_a_fault_of_ours_is_a_500_of_the_gateway(daemon: Daemon) -> None:
    """The world has no live state, which every handler needs."""
    request = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(VALID), VALID)
    assert await daemon.ask(request) == b"500"
    daemon.has_reported("ERROR", "chat", 500, "internal", "gateway")


@pytest.mark.asyncio
async def test_a_request_that_is_ended_inside_its_body_is_one_line(daemon: Daemon) -> None:
    async with serving(daemon.app, refused=daemon.world.services.lines.unparsed) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LENGTH)
        while not server.server_state.tasks:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # into the entry
        assert await server.cancel_requests() == 1
        assert (await reader.read(12))[9:] == b"503"
        writer.close()
    daemon.has_reported("ERROR", "chat", 503, "stopping", "gateway")
