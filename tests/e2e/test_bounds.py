"""Whatever an upstream sends without an end: what is kept of it is bounded, the cut is an error of its wire, and the
room is free again. Streams of which nothing is kept have no end that the gateway sets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    "more than 1024 parts",
    "larger than 16777216 bytes",
    "more than 500000 values",
)
COMBINATIONS = [
    ("chat_text", "responses", STREAMED),
    ("chat_text", "chat", WHOLE),
    ("chat_wide", "messages", WHOLE),
    ("chat_second_call", "messages", STREAMED),
    ("chat_calls", "responses", STREAMED),
    ("chat_event", "chat", STREAMED),
    ("chat_values", "messages", STREAMED),
    ("messages_text", "responses", STREAMED),
    ("messages_thinking", "messages", WHOLE),
    ("responses_text", "messages", WHOLE),
    ("responses_unnamed", "chat", STREAMED),
    ("responses_items", "responses", STREAMED),
]
"""One for each of what can grow, on each wire; ``tests/gateway/test_kept.py`` has them all."""


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
@pytest.mark.parametrize(
    ("kind", "entry", "stream"), COMBINATIONS, ids=lambda value: {True: "streamed", False: "whole"}.get(value, value)
)
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
    print(f"{kind} {entry}: {(memory(gateway, 'VmHWM') - idle) >> 20} MiB at most")
    assert memory(gateway, "VmHWM") - idle < 256 * MIB


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "entry"), [("chat_text", "messages"), ("responses_text", "responses")])
async def test_a_stream_of_which_nothing_is_kept_has_no_limit(gateway: Daemon, kind: str, entry: str) -> None:
    assert (kind, entry) in UNLIMITED
    measure_peak(gateway)
    idle = memory(gateway, "VmRSS")
    size, last = await the_end(gateway, kind, entry, STREAMED, ENOUGH)
    assert size >= ENOUGH and "error" not in last
    assert memory(gateway, "VmHWM") - idle < 32 * MIB


FEW = [("chat_text", "responses", STREAMED), ("messages_text", "chat", WHOLE), ("responses_text", "messages", WHOLE)]
ALL = [*COMBINATIONS, *FEW]


async def campaign(gateway: Daemon, combinations: list[tuple[str, str, bool]], in_sequence: int, at_once: int) -> str:
    """First one after the other, then many at once: what it took and what it left, in bytes."""
    idle = memory(gateway, "VmRSS")
    measure_peak(gateway)
    for number in range(in_sequence):
        await the_end(gateway, *combinations[number % len(combinations)])
    after_sequence = memory(gateway, "VmRSS")
    requests = [the_end(gateway, *combinations[number % len(combinations)]) for number in range(at_once)]
    ends = await asyncio.gather(*requests)
    assert all(any(cut in last for cut in CUTS) for _, last in ends), ends
    wait_for(lambda: memory(gateway, "VmRSS") - idle < GROWTH, "the memory to be free again")
    peak, left = memory(gateway, "VmHWM"), memory(gateway, "VmRSS")
    assert peak < PEAK, f"{peak >> 20} MiB"
    return (
        f"idle {idle >> 20} MiB, after {in_sequence} in sequence {after_sequence >> 20} MiB,"
        f" after {at_once} at once {left >> 20} MiB, peak {peak >> 20} MiB"
    )


@pytest.mark.asyncio
async def test_many_answers_without_end_at_once(gateway: Daemon) -> None:
    await campaign(gateway, FEW, 0, 4)


@pytest.mark.soak
@pytest.mark.asyncio
async def test_hundreds_of_answers_without_end(gateway: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    measured = await campaign(gateway, ALL, 200, 50)
    with capsys.disabled():
        print(f"\n{measured}")
