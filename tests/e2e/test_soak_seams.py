"""Long campaigns (`make soak`) for what must not grow: providers renamed, hostile requests, answers without an end.

Each takes RSS, descriptors, threads and metric series ten times. Flat means: the last tenth within 5 % of the second;
by then caches and rings are full.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

from tests.dialects import DIALECTS, MESSAGES
from tests.e2e.test_soak import allow_sockets, open_files, resident
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]

TENTHS = 10
PROVIDERS = 100
RENAMES = 1000
HOSTILE = 10_000
ENDLESS = 1000
AT_ONCE = 25
WARM_UP = 2500
"""Requests that fill the ring of log records, and the caches, before anything is measured."""
MADE_UP = 300
"""Of these for made-up names, whose places in the metrics are full then."""
TOLERANCE = 0.05


class Size(Struct, frozen=True):
    """``resident`` in KiB."""

    resident: int
    descriptors: int
    threads: int
    series: int


FEW = Size(resident=2048, descriptors=3, threads=2, series=0)
"""What five per cent of a small number would not leave: a page here, a connection that is being closed there."""


def measured(gateway: Daemon) -> Size:
    wait_for(lambda: "tppcd_requests_in_flight 0.0" in gateway.get("/metrics").text, "the requests to be over")
    lines = gateway.get("/metrics").text.splitlines()
    return Size(
        resident=resident(gateway),
        descriptors=open_files(gateway),
        threads=sum(1 for _ in Path(f"/proc/{gateway.process.pid}/task").iterdir()),
        series=sum(not line.startswith("#") for line in lines),
    )


def assert_flat(sizes: list[Size], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(sizes) == TENTHS
    with capsys.disabled():
        print(f"\n{what}: RSS {' '.join(str(each.resident >> 10) for each in sizes)} MiB")
        for name in ("descriptors", "threads", "series"):
            print(f"  {name}: {' '.join(str(getattr(each, name)) for each in sizes)}")
    second, last = sizes[1], sizes[-1]
    for name in Size.__struct_fields__:
        before, after = getattr(second, name), getattr(last, name)
        assert after <= max(before * (1 + TOLERANCE), before + getattr(FEW, name)), f"{name} of {what}: {sizes}"


async def in_tenths(
    gateway: Daemon, number: int, step: Callable[[int], Awaitable[None]], *, at_once: int = 1
) -> list[Size]:
    """``step`` so many times; the sizes after each tenth."""
    places = asyncio.Semaphore(at_once)

    async def one(index: int) -> None:
        async with places:
            await step(index)

    sizes = []
    for tenth in range(TENTHS):
        share = range(tenth * number // TENTHS, (tenth + 1) * number // TENTHS)
        await asyncio.gather(*map(one, share))
        sizes.append(await asyncio.to_thread(measured, gateway))
    return sizes


async def exchanged(gateway: Daemon, raw: bytes, *, patience: float = 30.0) -> bytes:
    """What comes back for these bytes, until the daemon closes; a client that is not answered leaves."""
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(patience):
            await writer.drain()
            return await reader.read(4096)
    except (TimeoutError, ConnectionError):
        return b""
    finally:
        writer.transport.abort()


def posted(
    path: str, body: bytes, *, key: str = "client-key", method: str = "POST", length: int | None = None
) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


async def warmed_up(gateway: Daemon, *, made_up: str = "") -> None:
    """``made_up``: how the names begin that are asked for at first."""

    async def ordinary(index: int) -> None:
        dialect = tuple(DIALECTS.values())[index % 3]
        model = f"{made_up}{index}" if made_up and index < MADE_UP else "gpt-5"
        body = json.dumps(dialect.request("x", stream=index % 2 == 0, model=model)).encode()
        assert (await exchanged(gateway, posted(dialect.path, body))).startswith(b"HTTP/1.1 200")

    await in_tenths(gateway, WARM_UP, ordinary, at_once=AT_ONCE)


async def test_providers_that_are_renamed_leave_nothing(
    upstream: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a hundred providers each save renames every one; three of them are asked before the next."""

    def named(generation: int) -> str:
        return config(
            *(provider(f"p{generation}-{number}", upstream) for number in range(PROVIDERS)), api_keys=["client-key"]
        )

    with daemon(named(0)) as gateway:
        await warmed_up(gateway)

        async def rename(index: int) -> None:
            await asyncio.to_thread(gateway.reload, named(index + 1))
            for number, dialect in enumerate(DIALECTS.values()):
                body = json.dumps(dialect.request("x", model=f"p{index + 1}-{number}/gpt-5")).encode()
                assert (await exchanged(gateway, posted(dialect.path, body))).startswith(b"HTTP/1.1 200")

        sizes = await in_tenths(gateway, RENAMES, rename)
        shown = gateway.get("/metrics").text
        named_there = {part.partition("-")[0] for part in shown.split('"') if part.startswith("p") and "-" in part}
        assert named_there == {f"p{RENAMES}"}
        assert_flat(sizes, f"{PROVIDERS} providers renamed {RENAMES} times", capsys)


def hostile(index: int) -> bytes:
    """One of the ways in which a request may be wrong, each time another one."""
    entry, huge = tuple(DIALECTS.values())[index % 3], f"{index}-" + "x" * 2_000_000
    path = entry.path
    plain = entry.request("x", model=f"junk{index}")
    deep = b'{"model":"gpt-5","messages":' + b"[" * 100_000
    match (index // 3) % 16:
        case 0:
            return posted(path, json.dumps(plain).encode())
        case 1:
            return posted(path, json.dumps({**plain, "model": f"fox/junk{index}"}).encode())
        case 2:
            return posted(path, json.dumps({**plain, "model": huge if index % 5 == 0 else huge[:5000]}).encode())
        case 3:
            return posted(path, deep)
        case 4:
            return posted(path, b'{"model":"gpt-5","input":"\xff\xfe\x80"}')
        case 5:
            return posted(path, json.dumps(plain).encode(), length=100_000)[:-5]
        case 6:
            return posted(path, json.dumps(plain).encode(), key=f"wrong-{index}")
        case 7:
            return posted(f"/v0/management/models?provider=junk{index}", b"", method="GET", key=f"wrong-{index}")
        case 8:
            return posted(path, b"", method=f"ODD{index}")
        case 9:
            return posted(f"/scan/{index}/wp-admin.php", b"", method="GET")
        case 10:
            return posted(path, json.dumps({**plain, "model": "fox/gpt-5", f"field{index}": index}).encode())
        case 11:
            return posted("/v1/messages/count_tokens", json.dumps(MESSAGES.request("x", model=f"junk{index}")).encode())
        case 12:
            tool = {"name": f"tool{index}", "input_schema": {"type": "object", f"key{index}": 1}}
            return posted(MESSAGES.path, json.dumps(MESSAGES.request("x", model="gpt-5", tools=[tool])).encode())
        case 13:
            return b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n" if index % 2 else b"\x16\x03\x01" + bytes(500)
        case 14:
            headers = f"session-id: junk{index}\r\nx-forwarded-for: 8.8.{index % 256}.8\r\nuser-agent: junk{index}\r\n"
            return posted(path, json.dumps(plain).encode()).replace(b"connection:", f"{headers}connection:".encode(), 1)
        case _:
            return posted(f"/v1/models/junk{index}", b"", method="GET")


async def test_hostile_requests_leave_nothing(upstream: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"api_keys": ["client-key"], "remote_management": {"secret-key": "management-key"}}
    with daemon(config(provider("fox", upstream), provider("wolf", upstream), **settings)) as gateway:
        await warmed_up(gateway, made_up="fox/made-up")

        async def send(index: int) -> None:
            # Half a body is waited for longer than this campaign waits.
            await exchanged(gateway, hostile(index), patience=0.5 if (index // 3) % 16 == 5 else 30.0)

        sizes = await in_tenths(gateway, HOSTILE, send, at_once=AT_ONCE)
        assert (
            gateway.post(MESSAGES.path, MESSAGES.request("x"), headers={"x-api-key": "client-key"}).status_code == 200
        )
        assert "Traceback" not in gateway.log
        assert_flat(sizes, f"{HOSTILE} hostile requests", capsys)


@asynccontextmanager
async def endless_upstream() -> AsyncIterator[tuple[str, set[asyncio.Task[None]]]]:
    """An upstream on the Responses wire whose answers have no end; and those that it is writing."""
    writing: set[asyncio.Task[None]] = set()
    delta = json.dumps(
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "word " * 200}
    )
    events = (f"event: response.output_text.delta\ndata: {delta}\n\n" * 4).encode()
    created = json.dumps({"type": "response.created", "response": {"id": "r", "object": "response", "output": []}})
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    def chunk(data: bytes) -> bytes:
        return f"{len(data):x}\r\n".encode() + data + b"\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        writing.add(task)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if request.startswith(b"GET"):
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                return
            writer.write(head + chunk(f"event: response.created\ndata: {created}\n\n".encode()))
            while True:
                writer.write(chunk(events))
                await writer.drain()
                await asyncio.sleep(0)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writing.discard(task)
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", writing


async def test_endless_answers_whose_clients_leave_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    allow_sockets(4 * AT_ONCE)
    async with endless_upstream() as (url, writing):
        with daemon(config(provider("fox", url, models=["gpt-5"]))) as gateway:
            place = urlsplit(gateway.url)

            async def leave(index: int) -> None:
                dialect = tuple(DIALECTS.values())[index % 3]
                body = json.dumps(dialect.request("x", stream=True)).encode()
                reader, writer = await asyncio.open_connection(place.hostname, place.port)
                writer.write(posted(dialect.path, body))
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
                for _ in range(index % 7):
                    await reader.read(65_536)
                writer.transport.abort()

            await in_tenths(gateway, ENDLESS, leave, at_once=AT_ONCE)  # fills the rings
            sizes = await in_tenths(gateway, ENDLESS, leave, at_once=AT_ONCE)
            async with asyncio.timeout(30):
                while writing:
                    await asyncio.sleep(0.05)
            assert "Traceback" not in gateway.log
            assert_flat(sizes, f"{ENDLESS} endless answers", capsys)
