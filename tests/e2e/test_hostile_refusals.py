"""A hundred thousand refusals that one client provokes (`make soak`): bounded tables, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.e2e.load import Connection
from tests.harness import Daemon, config, daemon, provider

pytestmark = pytest.mark.soak

REFUSALS = 100_000
AT_ONCE = 16
GROWTH = 32 * 1024
"""KiB."""
MANAGED = {"secret-key": "management-key"}
NEIGHBOUR = {
    "model": "fox/gpt-5",
    "instructions": "I",
    "input": [{"role": "user", "content": "hi"}],
    "temperature": 0.5,
}
NAMED = re.compile(rb'"(p\d+)"')
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-5",
    "output": [{"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]}],
}


class Upstream:
    """Refuses every field ``p<number>`` by name, and keeps what came of the neighbour."""

    def __init__(self) -> None:
        self.refused = 0
        self.neighbours: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                status, answer = self._answer(await reader.readexactly(length))
                body = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status)
                writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, body: bytes) -> tuple[int, object]:
        if named := NAMED.search(body):
            self.refused += 1
            return 400, {"detail": f"Unsupported parameter: {named[1].decode()}"}
        if b'"temperature"' in body:
            self.neighbours.append(body)
        return 200, ANSWER


async def refuse(gateway: Daemon, numbers: list[int]) -> None:
    place = gateway.url.removeprefix("http://").partition(":")
    connection = Connection(place[0], int(place[2]))
    for number in numbers:
        body = {"model": "fox/gpt-5", "instructions": "", "input": [], f"p{number}": 1}
        status, _ = await connection.post("/v1/responses", json.dumps(body).encode())
        assert status == 200
    connection.close()


def resident(gateway: Daemon) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@pytest.mark.asyncio
async def test_a_hundred_thousand_hostile_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with daemon(config(provider("fox", url), remote_management=MANAGED)) as gateway:

        def ask() -> str:
            return gateway.post("/v1/responses", NEIGHBOUR).raise_for_status().headers["x-tppcd-attempts"]

        attempts = [await asyncio.to_thread(ask)]
        before = resident(gateway)
        share = REFUSALS // AT_ONCE
        await asyncio.gather(*(refuse(gateway, [*range(i * share, (i + 1) * share)]) for i in range(AT_ONCE)))
        attempts.append(await asyncio.to_thread(ask))
        manager = {"authorization": "Bearer management-key"}
        rows = (await asyncio.to_thread(gateway.get, "/v0/management/auths", headers=manager)).json()["auths"]
        grown = resident(gateway) - before
    server.close()
    with capsys.disabled():
        print(f"\n{upstream.refused} refusals: {len(rows[0]['amendments'])} entries, {grown / 1024:.1f} MiB more")
    assert upstream.refused == REFUSALS
    assert len(rows[0]["amendments"]) == 64
    assert attempts == ["1", "1"]
    first, last = upstream.neighbours
    assert first == last
    assert grown < GROWTH
