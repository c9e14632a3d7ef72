"""Long campaigns (`make soak`): thousands of hang-ups, a thousand saves under load."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.dialects import MESSAGES, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

pytestmark = pytest.mark.soak

HANG_UPS = 2000
AT_ONCE = 200
SAVES = 1000
SAVE_EVERY = 0.05
STREAMS = 20
REQUESTS_PER_SECOND = 200
WORDS = 2000
GROWTH = 32 * 1024
"""KiB by which the daemon may grow over the second half of a campaign, when its caches are full."""


def resident(running: Daemon) -> int:
    """Resident memory in KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def open_files(running: Daemon) -> int:
    return sum(1 for _ in Path(f"/proc/{running.process.pid}/fd").iterdir())


async def hang_up(url: str, limit: asyncio.Semaphore) -> None:
    """Asks for a stream that stalls in the middle of its text, reads its beginning and drops the connection."""
    place = urlsplit(url)
    body = json.dumps(MESSAGES.request(script({"text": "word " * 50}), stream=True)).encode()
    head = f"POST {MESSAGES.path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: application/json\r\n"
    async with limit:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert (await reader.read(20)).startswith(b"HTTP/1.1 200")
        writer.transport.abort()


@pytest.mark.asyncio
async def test_thousands_of_hang_ups_lose_nothing(upstream: Simulator) -> None:
    stall = json.dumps({"fault": "stall", "after": 20, "seconds": 600})
    text = config(provider("fox", upstream, headers={"x-simulate": stall}), provider("wolf", upstream))
    with daemon(text) as gateway:
        gateway.reload(config(provider("fox", upstream, headers={"x-simulate": stall})))
        before = open_files(gateway)
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(HANG_UPS):
                tasks.create_task(hang_up(gateway.url, limit))
        wait_for(lambda: upstream.open_requests() == 0, "the upstream requests to be gone", seconds=1)
        gateway.reload(config(provider("wolf", upstream)))
        assert gateway.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200
        wait_for(lambda: open_files(gateway) <= before + 10, "the sockets to be closed")
        assert "Traceback" not in gateway.log


@pytest.mark.asyncio
async def test_a_thousand_saves_under_load_fail_nobody(upstream: Simulator) -> None:
    upstream.control(delay_ms=2)
    with daemon(config(provider("fox", upstream))) as gateway:
        load = Load(gateway)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(STREAMS):
                tasks.create_task(load.stream())
            tasks.create_task(load.ask())
            sizes = []
            for number in range(SAVES):
                gateway.save(config(provider("fox", upstream, priority=number)))
                await asyncio.sleep(SAVE_EVERY)
                if number in (SAVES // 2, SAVES - 1):
                    sizes.append(await asyncio.to_thread(resident, gateway))
            load.done = True
        assert load.failed == []
        assert load.streams >= STREAMS and load.asked > 0
        assert sizes[1] - sizes[0] < GROWTH
        wait_for(lambda: f"-> {SAVES - 1}" in gateway.log, "the last save to be applied")
        assert "Traceback" not in gateway.log


class Load:
    """Streams one after the other, and short requests at a steady rate, until ``done``."""

    def __init__(self, gateway: Daemon) -> None:
        self.done = False
        self.failed: list[str] = []
        self.streams = 0
        self.asked = 0
        self._url = gateway.url + MESSAGES.path

    async def stream(self) -> None:
        body = MESSAGES.request(script({"text": "word " * WORDS}), stream=True)
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            while not self.done:
                text = (await client.post(self._url, json=body)).text
                self.streams += 1
                seen = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
                if streamed_text(MESSAGES, seen) != "word " * WORDS or not MESSAGES.terminal(seen[-1]):
                    self.failed.append(text[-300:])

    async def ask(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client, asyncio.TaskGroup() as tasks:
            while not self.done:
                tasks.create_task(self._ask(client))
                await asyncio.sleep(1 / REQUESTS_PER_SECOND)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(self._url, json=MESSAGES.request("x"))
        self.asked += 1
        if answer.status_code != 200:
            self.failed.append(answer.text[:300])
