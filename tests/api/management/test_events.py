"""The event stream: frames, resuming, keep-alive, both ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from daemon.api.management.events import KEEP_ALIVE, EventStream
from daemon.telemetry.audit import AuditLog


class Follower:
    """A client of the stream, by hand."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Message:
        async with asyncio.timeout(5):
            return await self.sent.get()

    async def opened(self) -> Message:
        head = await self.next()
        assert (await self.next())["body"] == KEEP_ALIVE
        return head

    async def event(self) -> dict[str, str]:
        lines = (await self.next())["body"].decode().strip().split("\n")
        return dict(line.split(": ", 1) for line in lines)


@contextlib.asynccontextmanager
async def following(audit: AuditLog, last_id: str | None = None, keep_alive: float = 60.0) -> AsyncIterator[Follower]:
    """A follower of ``audit``; leaving the block waits for the stream to end by itself."""
    follower = Follower()
    headers = [] if last_id is None else [(b"last-event-id", last_id.encode())]
    stream = EventStream(audit, keep_alive=keep_alive)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(stream({"headers": headers}, follower.receive, follower.sent.put))
        yield follower


def log(*messages: str) -> AuditLog:
    audit = AuditLog(clock=lambda: 1.0)
    for message in messages:
        audit.publish("reload", message)
    return audit


@pytest.mark.asyncio
async def test_the_head_is_sent_at_once_and_events_as_they_come() -> None:
    audit = log("before")
    async with following(audit) as follower:
        head = await follower.opened()
        assert (b"content-type", b"text/event-stream") in head["headers"]
        audit.publish("reload", "packycode.enabled: false -> true", generation=8)
        event = await follower.event()
        audit.close()
    assert (event["id"], event["event"]) == ("1001", "reload")
    assert json.loads(event["data"]) == {
        "id": 1001,
        "at": 1.0,
        "kind": "reload",
        "message": "packycode.enabled: false -> true",
        "fields": {"generation": 8},
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("last_id, first", [("1000", "1"), ("7", "0"), ("x", "new"), ("", "new")])
async def test_a_client_resumes_after_its_last_event(last_id: str, first: str) -> None:
    audit = log("0", "1")
    async with following(audit, last_id) as follower:
        await follower.opened()
        audit.publish("reload", "new")
        assert json.loads((await follower.event())["data"])["message"] == first
        audit.close()


@pytest.mark.asyncio
async def test_a_quiet_stream_is_kept_alive() -> None:
    audit = log()
    async with following(audit, keep_alive=0.0) as follower:
        await follower.opened()
        assert (await follower.next())["body"] == KEEP_ALIVE
        audit.close()


@pytest.mark.asyncio
async def test_the_stream_ends_when_the_client_leaves() -> None:
    audit = log()
    async with following(audit) as follower:
        await follower.opened()
        follower.left.set()
    gc.collect()
    assert not audit._followers


@pytest.mark.asyncio
async def test_the_stream_ends_cleanly_when_the_daemon_stops() -> None:
    audit = log()
    async with following(audit) as follower:
        await follower.opened()
        audit.close()
        assert await follower.next() == {"type": "http.response.body", "body": b""}
