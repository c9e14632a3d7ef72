"""Writes one response to its connection, in place of uvicorn's own ``send`` (docs/decisions/0013).

1. The head waits for the first piece of the body, which usually follows at once: both go out in one
   system call. A head whose body does not follow goes out alone at the next turn of the loop.
2. A body without ``content-length`` is chunked; toward HTTP/1.0 it ends with the connection. One that is not
   as long as its ``content-length`` is our fault and raises: its connection must not be used again.
3. Headers are checked once, together: a value with a line break raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

NO_BODY = frozenset({204, 304})

Fields = Iterable[tuple[bytes, bytes]]


class ResponseWriter:
    """``send`` is the ASGI callable of one request. ``cycle`` is uvicorn's record of it: it says
    what the connection needs, and is told there how far the response is."""

    __slots__ = ("_chunked", "_cycle", "_head", "_left", "_loop", "_mute", "_transport")

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        self._cycle = cycle
        self._loop = loop
        self._transport = cycle.transport
        self._head = b""
        self._left: int | None = None
        self._chunked = self._mute = False

    async def send(self, message: Any) -> None:
        """``http.response.start`` once, then ``http.response.body`` until ``more_body`` is false.

        Waits while the client reads too slowly. For a client that has left it does nothing.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message.get("headers", ()))
        else:
            self._continue(message.get("body", b""), last=not message.get("more_body", False))

    def _start(self, status: int, headers: Fields) -> None:
        cycle = self._cycle
        if cycle.response_started:
            raise RuntimeError("a response was started twice")
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        length = self._take_head(status, [*cycle.default_headers, *headers])
        if self._mute or not length:
            self._loop.call_soon(self._flush)

    def _take_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> int | None:
        """Renders the head; the body's length by ``content-length``, None without one."""
        cycle = self._cycle
        lines = [STATUS_LINE[status]]
        length, closing = None, False
        for field in headers:
            name, value = field
            lines.append(b"%b: %b\r\n" % field)
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and b"close" in value.lower():
                closing, cycle.keep_alive = True, False
        if not cycle.keep_alive and not closing:
            lines.append(b"connection: close\r\n")
        self._mute = cycle.scope["method"] == "HEAD" or status in NO_BODY
        self._left = length
        self._chunked = length is None and not self._mute and cycle.scope["http_version"] != "1.0"
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        if not head.count(b"\n") == head.count(b"\r") == len(lines):
            raise RuntimeError("a response header contains a line break")
        self._head = head + b"\r\n"
        return length

    def _continue(self, body: bytes, *, last: bool) -> None:
        cycle = self._cycle
        if not cycle.response_started or cycle.response_complete:
            raise RuntimeError("body data before the start or after the end of a response")
        data = self._head + self._framed(body, last)
        self._head = b""
        if data:
            self._transport.write(data)
        if last:
            self._end()

    def _framed(self, body: bytes, last: bool) -> bytes:
        if self._mute:
            return b""
        if self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return piece + b"0\r\n\r\n" if last else piece
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (last and self._left):
                raise RuntimeError("a response does not match its content-length")
        return body

    def _end(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive and not cycle.more_body:  # else the protocol closes, once the rest of the body has come
            self._transport.close()
        cycle.on_response()

    def _flush(self) -> None:
        """No body came at once: the head does not wait for it."""
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)
