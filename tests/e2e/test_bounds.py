"""Whatever an upstream sends without an end: what is kept of it is bounded, the cut is an error of its wire, and the
room is free again. Streams of which nothing is kept have no end that the gateway sets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import endless
from tests.dialects import DIALECTS
from tests.endless import UNLIMITED, UPSTREAMS
from tests.harness import Daemon, config, daemon, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux's /proc is not here")

MIB = 2**20
ENOUGH = 120 * MIB
"""Bytes after which a stream of which nothing is kept has shown that it goes on."""
PEAK, GROWTH = 512 * MIB, 64 * MIB

STREAMED, WHOLE = True, False
CUTS = (
    "larger than 64 MiB",
    "more than 64 MiB",
    "larger than 256 MiB",
    "more than 256 MiB",
    "more than 4096 parts",
    "larger than 16777216 bytes",
    "more than 500000 values",
)
COMBINATIONS = [
    (kind, entry, stream)
    for kind in UPSTREAMS
    for entry in DIALECTS
    for stream in (STREAMED, WHOLE)
    if not (stream and (kind, entry) in UNLIMITED)
]



@pytest.fixture(scope="module")
def gateway() -> Iterator[Daemon]:
    with endless.running() as upstream:
        providers = [endless.provider(kind, upstream.url) for kind in UPSTREAMS]
        with daemon(config(*providers, disable_cooling=True, request_retry=0)) as running:
            yield running


def memory(gateway: Daemon, what: str) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text("ascii")
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def measure_peak(gateway: Daemon) -> None:
    Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")  # VmHWM begins anew


@asynccontextmanager
async def asked(gateway: Daemon, kind: str, entry: str, stream: bool) -> AsyncIterator[asyncio.StreamReader]:
    dialect = DIALECTS[entry]
    body = json.dumps(dialect.request("hi", model=kind, stream=stream)).encode()
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=MIB)
    head = f"POST {dialect.path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    try:
        yield reader
    finally:
        writer.transport.abort()


async def the_end(gateway: Daemon, kind: str, entry: str, stream: bool, most: int = 10**12) -> tuple[int, str]:
    """How many bytes came, and the last of them; read as fast as they come, up to ``most``."""
    size, last = 0, b""
    async with asked(gateway, kind, entry, stream) as reader:
        while size < most and (data := await reader.read(MIB)):
            size += len(data)
            last = (last + data)[-4096:]
    return size, last.decode("utf-8", "replace")


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "entry", "stream"), COMBINATIONS)
async def test_what_is_kept_of_an_answer_without_end_is_bounded(
    gateway: Daemon, kind: str, entry: str, stream: bool
) -> None:
    """The error is the last that the client gets, and no stream looks complete."""
    measure_peak(gateway)
    idle = memory(gateway, "VmRSS")
    _, last = await the_end(gateway, kind, entry, stream)
    assert any(cut in last for cut in CUTS), last[-600:]
    if stream:
        assert "[DONE]" not in last and "message_stop" not in last and "response.completed" not in last
        assert '"error"' in last
    print(kind, entry, stream, "peak", (memory(gateway, "VmHWM") - idle) >> 20)
    assert memory(gateway, "VmHWM") - idle < 256 * MIB
