"""The way back to one client over ASGI, and the headers that every answer carries."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from daemon.gateway.client_stream import ResponseHead

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NOBODY: Final = ResponseHead()
LONGEST_LIST: Final = 2048
UNPRINTABLE: Final = re.compile(r"[^ -~]")
STREAM_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class AsgiClientStream:
    """Implements ``gateway.client_stream.ClientStream``. ``identity`` are the headers of every answer
    (``guard.identity_headers``); ``started`` is true once a head has gone out."""

    __slots__ = ("_identity", "_send", "started")

    def __init__(self, send: Send, identity: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._identity = identity
        self.started = False

    async def start_stream(self, head: ResponseHead) -> None:
        self.started = True
        headers = STREAM_HEADERS + self._identity + _answer_headers(head)
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_stream(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, status: int, headers: dict[str, str], body: bytes, head: ResponseHead = NOBODY) -> None:
        self.started = True
        names = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        if "content-type" not in headers:
            names.append((b"content-type", b"application/json"))
        names.append((b"content-length", b"%d" % len(body)))
        names += self._identity + _answer_headers(head)
        await self._send({"type": "http.response.start", "status": status, "headers": names})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _answer_headers(head: ResponseHead) -> list[tuple[bytes, bytes]]:
    """Who answered, after how many attempts, what the request lost, and what the upstream says beside its answer."""
    if not head.attempts:
        return []
    headers = [(b"x-tppcd-provider", head.provider.encode()), (b"x-tppcd-attempts", b"%d" % head.attempts)]
    if head.lost:
        headers.append((b"x-tppcd-lost", _joined(head.lost)))
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.passed]
    return headers


def _joined(names: Iterable[str]) -> bytes:
    """Names for a header, each once. Some contain what a client wrote (a tool's name): only printable
    ASCII gets into the header, and no more of it than any proxy accepts."""
    text = ",".join(dict.fromkeys(names))
    if len(text) > LONGEST_LIST:
        text = text[:LONGEST_LIST].rpartition(",")[0] + ",..."
    return UNPRINTABLE.sub("?", text).encode("ascii")
