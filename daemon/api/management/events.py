"""``GET /v0/management/events``: the audit log as server-sent events, raw ASGI.

The stream ends when the client leaves or the audit log is closed (the daemon stops). A comment is
sent when nothing happened for a while, so that proxies keep the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from daemon.telemetry.audit import AuditEvent, AuditLog, Subscription

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": keep-alive\n\n"
HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


class ClientLeft(Exception):
    """Ends the task group when the client has gone."""


class EventStream:
    """An ASGI application for one path; access has been checked before it runs."""

    def __init__(self, audit: AuditLog, *, keep_alive: float = KEEP_ALIVE_SECONDS) -> None:
        self._audit = audit
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(until_gone(receive))
                await self._stream(scope, send)
                watch.cancel()
        except* ClientLeft:
            pass

    async def _stream(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
        events = self._audit.subscribe(last_event_id(scope))
        with contextlib.suppress(StopAsyncIteration):
            while True:
                body = await self._next(events)
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _next(self, events: Subscription) -> bytes:
        """The next event as a frame, or a comment when none came in time."""
        try:
            async with asyncio.timeout(self._keep_alive):
                return frame(await anext(events))
        except TimeoutError:
            return KEEP_ALIVE


async def until_gone(receive: Receive) -> None:
    """Wait for the client's hang-up and raise ``ClientLeft``."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientLeft


def last_event_id(scope: Scope) -> int | None:
    """The last id that a reconnecting client has seen; anything but a number counts as none."""
    value = dict(scope["headers"]).get(b"last-event-id", b"").strip()
    return int(value) if value.isdigit() and len(value) < 20 else None


def frame(event: AuditEvent) -> bytes:
    """One event as an SSE frame."""
    data = msgspec.json.encode(event)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
