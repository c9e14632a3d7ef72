"""Long campaigns (`make soak`): thousands of hang-ups, a thousand saves under load. Each prints what it measured."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.dialects import MESSAGES, script
from tests.harness import ROOT, Daemon, Simulator, config, daemon, provider, simulator, wait_for

pytestmark = pytest.mark.soak

HANG_UPS = 2000
HANG_UP_SECONDS = 2.0
AT_ONCE = 200
SAVES = 1000
SAVE_EVERY = 0.05
STREAMS = 20
REQUESTS_PER_SECOND = 200
WORDS = 500
PACE_MS = 20
GROWTH = 8 * 1024
"""KiB by which the daemon may grow over the second half of a campaign, when its caches are full."""


def resident(running: Daemon) -> int:
    """Resident memory in KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def open_files(running: Daemon) -> int:
    return sum(1 for _ in Path(f"/proc/{running.process.pid}/fd").iterdir())


def allow_sockets(wanted: int) -> None:
    """Lets this process, and those it starts, have so many clients; skips where the machine does not.

    Of a daemon's open files a third is for clients, see ``daemon.service.protocol``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 3 * wanted + 300
    if hard != resource.RLIM_INFINITY and hard < files:
        pytest.skip(f"{wanted} clients need {files} open files, this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, files), hard))


async def begun_stream(url: str, limit: asyncio.Semaphore) -> asyncio.StreamWriter:
    """A connection with a stream that has begun and stalls in the middle of its text."""
    place = urlsplit(url)
    body = json.dumps(MESSAGES.request(script({"text": "word " * 50}), stream=True)).encode()
    head = f"POST {MESSAGES.path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: application/json\r\n"
    async with limit:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert (await reader.read(20)).startswith(b"HTTP/1.1 200")
        return writer


@pytest.mark.asyncio
async def test_thousands_of_hang_ups_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    allow_sockets(HANG_UPS)
    stall = json.dumps({"fault": "stall", "after": 20, "seconds": 600})
    with simulator() as upstream, daemon(config(provider("fox", upstream, headers={"x-simulate": stall}))) as gateway:
        before, limit = open_files(gateway), asyncio.Semaphore(AT_ONCE)
        writers = await asyncio.gather(*(begun_stream(gateway.url, limit) for _ in range(HANG_UPS)))
        during, streaming = open_files(gateway), await asyncio.to_thread(upstream.open_requests)
        began = time.monotonic()
        for number, writer in enumerate(writers):
            writer.transport.abort()
            await asyncio.sleep(began + HANG_UP_SECONDS * number / HANG_UPS - time.monotonic())
        hung_up = time.monotonic()
        wait_for(lambda: upstream.open_requests() == 0, "the upstream requests to be gone", seconds=1)
        gone = time.monotonic()
        wait_for(lambda: open_files(gateway) <= before + 10, "the sockets to be closed")
        after = open_files(gateway)
        gateway.reload(config(provider("fox", upstream)))
        assert gateway.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200
        assert "tppcd_requests_in_flight 0.0" in gateway.get("/metrics").text
        assert "Traceback" not in gateway.log
        with capsys.disabled():
            print(
                f"\n{HANG_UPS} clients hung up in {hung_up - began:.2f} s; upstream requests {streaming} -> 0 after "
                f"{gone - hung_up:.2f} s; open files {before} -> {during} -> {after}; RSS {resident(gateway) >> 10} MiB"
            )


@pytest.mark.asyncio
async def test_a_thousand_saves_under_load_fail_nobody(upstream: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.control(delay_ms=PACE_MS)
    with daemon(config(provider("fox", upstream))) as gateway, load(gateway) as process:
        sizes = []
        began = time.monotonic()
        for number in range(SAVES):
            gateway.save(config(provider("fox", upstream, priority=number)))
            await asyncio.sleep(began + SAVE_EVERY * (number + 1) - time.monotonic())
            if number in (SAVES // 10, SAVES // 2, SAVES - 1):
                sizes.append(resident(gateway))
        seconds = time.monotonic() - began
        seen = await asyncio.to_thread(summary, process)
        wait_for(lambda: f"-> {SAVES - 1}" in gateway.log, "the last save to be applied")
        applied = gateway.health()["generation"] - 1
        with capsys.disabled():
            print(
                f"\n{SAVES} saves in {seconds:.1f} s, {applied} snapshots; "
                f"{seen['answered']} of {seen['sent']} requests answered at {seen['sent'] / seen['seconds']:.1f}/s "
                f"(p50 {seen['p50_ms']:.0f}, p99 {seen['p99_ms']:.0f}, max {seen['max_ms']:.0f} ms); "
                f"{seen['streams']} streams whole, {STREAMS} at once; failures: {len(seen['failed'])}; "
                f"RSS {' -> '.join(str(size >> 10) for size in sizes)} MiB"
            )
        assert seen["failed"] == []
        assert seen["answered"] == seen["sent"] and seen["streams"] >= STREAMS
        assert sizes[2] - sizes[1] < GROWTH
        assert "Traceback" not in gateway.log


@contextmanager
def load(gateway: Daemon) -> Iterator[subprocess.Popen[str]]:
    """The load of this campaign on ``gateway``, from a process of its own."""
    options = (f"--rate={REQUESTS_PER_SECOND}", f"--streams={STREAMS}", f"--words={WORDS}")
    command = [sys.executable, "-m", "tests.e2e.load", gateway.url, *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def summary(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Ends the load in good order and gives what it saw."""
    answer: dict[str, Any] = json.loads(process.communicate()[0])
    return answer
