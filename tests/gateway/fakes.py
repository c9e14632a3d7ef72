"""Both ends of a request, played: upstreams that answer by a script, and a client that keeps what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from daemon.errors import RemoteError
from daemon.gateway.client_stream import ResponseHead
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse

HANG = None
"""In a script: nothing comes any more."""


class ScriptedBody:
    """Gives ``pieces`` one by one: bytes, an error to raise, or ``HANG``."""

    def __init__(self, pieces: Iterable[bytes | Exception | None]) -> None:
        self._pieces = list(pieces)
        self.closed = False
        self.gathered = False

    @property
    def ended(self) -> bool:
        return not self._pieces

    @property
    def left(self) -> int:
        return len(self._pieces)

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if not self._pieces:
            return b""
        piece = self._pieces[0]
        if piece is HANG:
            await asyncio.Event().wait()
        self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece or b""

    def gather(self) -> None:
        self.gathered = True

    def close(self) -> None:
        self.closed = True


def answering(*pieces: bytes | Exception | None, status: int = 200, **headers: str) -> UpstreamResponse:
    """An event stream, unless ``headers`` say otherwise (``content_type``)."""
    names = {"content-type": "text/event-stream"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return UpstreamResponse(status, names, ScriptedBody(pieces), "up.example")


class ScriptedUpstreams:
    """Answers each call with the next of ``script``; None never answers. Keeps the calls."""

    def __init__(self, *script: UpstreamResponse | RemoteError | None) -> None:
        self._script = list(script)
        self.calls: list[UpstreamCall] = []

    async def open(self, call: UpstreamCall) -> UpstreamResponse:
        self.calls.append(call)
        answer = self._script.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, RemoteError):
            raise answer
        assert answer is not None
        return answer


class RecordingClient:
    """A client stream. ``reading`` cleared: the client reads nothing more until it is set again."""

    def __init__(self) -> None:
        self.started = False
        self.ended = False
        self.status = 0
        self.head = ResponseHead()
        self.headers: dict[str, str] = {}
        self.body = b""
        self.reading = asyncio.Event()
        self.reading.set()

    async def start_stream(self, head: ResponseHead) -> None:
        assert not self.started
        self.started, self.status, self.head = True, 200, head
        await self.reading.wait()

    async def write(self, data: bytes) -> None:
        assert self.started and not self.ended
        self.body += data
        await self.reading.wait()

    async def end_stream(self, data: bytes) -> None:
        await self.write(data)
        self.ended = True

    async def respond(self, status: int, headers: dict[str, str], body: bytes, head: ResponseHead) -> None:
        assert not self.started
        self.started = self.ended = True
        self.status, self.headers, self.body, self.head = status, headers, body, head
