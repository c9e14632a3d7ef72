"""One HTTP/1.1 connection to an upstream: a request, its response, and the next one on the same socket.

1. One request at a time; the pool hands a connection out only when the last body has ended.
2. A body ends cleanly by its length or its last chunk, or, where it has neither, by the end of the
   connection. Every other end is a cut: ``Cut``, never ``b""``.
3. What arrives unread is bounded: beyond ``HIGH_WATER`` the socket is not read, and TCP slows the
   upstream down.
4. ``closed`` is true from the moment the connection cannot serve again.
5. The socket rests between reads that would be too many (``Pace``), longer where nobody reads the body before
   its end (``gather``).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sized
from time import monotonic
from typing import Any, cast

import httptools

from daemon.tcp import keep_alive
from daemon.upstream.http.call import MOST_UNPACKED
from daemon.upstream.http.pace import Pace

HIGH_WATER = 256 * 1024
HEAD_LIMIT = 64 * 1024
MOST_AT_ONCE = 1024 * 1024
"""Bytes of a compressed body that are unpacked at a time."""
_TLS_ALERT = b"\x15\x03"
_GZIP = b"\x1f"
"""How a member of a gzip body begins."""


class Cut(ConnectionError):
    """The connection ended inside a response. ``unanswered``: before the first byte of it. Its cause is the socket's
    error, if there was one; without, the upstream hung up."""

    def __init__(self, *, unanswered: bool) -> None:
        super().__init__("the connection was closed before the response had ended")
        self.unanswered = unanswered


class NotHttp(ConnectionError):
    """What came is not an HTTP/1.1 response, or one that cannot be used: ``why`` in our words, '' for the first."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why or "not HTTP")
        self.why = why


class ExpectsTls(NotHttp):
    """Plain HTTP was sent to a server that expects TLS."""


class Connection(asyncio.Protocol):
    """The client's end of one connection. ``closed`` and ``ended`` are read from outside."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0  # set by the pool
        self.terms: object = None  # by the pool, too: the egress rule and the CAs that it was opened under
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)  # until ``connection_made``
        self._waiter: asyncio.Future[None] | None = None
        self._unasked = False
        self._pace: Pace
        self._reset()

    def _reset(self) -> None:
        """State of one response. It is new for each request: nothing of the last one may leak into the next."""
        self._chunks: list[bytes] = []
        self.on_body = self._chunks.append  # the parser's busiest callback, without a frame of ours
        self._parser: Any = httptools.HttpResponseParser(self)
        self._head: list[tuple[bytes, bytes]] = []
        # Bytes that came before the body began. The parser calls back per complete header, so an endless one
        # would be seen here alone.
        self._head_size = 0
        # Whether a byte has come: a request that met a connection closed before that may be sent once more.
        self._answered = False
        self._in_body = False
        # The body has neither a length nor chunks, so the end of the connection is its clean end.
        self._until_close = False
        # Whether the head lets the connection be used again.
        self._keep = False
        # Some relays compress although ``identity`` is asked for; the size is counted against gzip bombs.
        self._inflate: Any = None
        self._inflated = 0
        self._unpacking = False
        self._most_unpacked = MOST_UNPACKED
        self._packed: bytes | None = None
        # Two reasons not to read the socket, and each may end while the other lasts: the reader is behind
        # (``_paused``, beyond HIGH_WATER), or the pace has it rest (``_resting``).
        self._buffered = 0
        self._paused = False
        self._resting: asyncio.TimerHandle | None = None
        # Why the response cannot go on. It is raised after what had arrived before it has been read.
        self._error: Exception | None = None
        self.ended = True

    # What the transport uses.

    async def ask(
        self, head: bytes, body: bytes, running: Sized, most_unpacked: int = MOST_UNPACKED
    ) -> tuple[int, dict[str, str]]:
        """Send a request and wait for the head of its response: status and headers in lower case.
        ``running`` are the responses that come at the same time, ``most_unpacked`` the bytes of a compressed body.

        Raises ``Cut``, ``NotHttp`` or ``OSError``. Cancelled, it leaves a connection fit for ``close`` alone.
        """
        if self._unasked:  # other protocols begin with a greeting of the server
            raise NotHttp
        self._reset()
        self.ended = False
        self._most_unpacked = most_unpacked
        self._pace = Pace(running, monotonic())
        self._transport.writelines((head, body))
        while not self._in_body:
            await self._wait()
        return self._parser.get_status_code(), self._headers

    def gather(self) -> None:
        """Nobody reads the body before its end: its pieces may come later and larger."""
        self._pace.gathering = True

    async def read(self) -> bytes:
        """All that has arrived of the body, ``b""`` at its clean end."""
        chunks = self._chunks
        while True:
            data = self._packed
            if data is None:
                while not chunks:
                    if self.ended:
                        return b""
                    await self._wait()
                data = b"".join(chunks)
                chunks.clear()
                self._buffered = 0
                if self._paused:
                    self._paused = False
                    if self._resting is None:
                        self._transport.resume_reading()
                if self._inflate is None:
                    return data
            unpacked = self._unpacked(data)
            if unpacked:
                return unpacked

    @property
    def reusable(self) -> bool:
        """Whether the response has ended and the upstream takes another request on this connection."""
        return self.ended and self._keep and not self.closed and not self._transport.get_write_buffer_size()

    @property
    def tls_version(self) -> str:
        """``TLSv1.3`` …; empty without TLS."""
        tls = self._transport.get_extra_info("ssl_object")
        return str(tls.version()) if tls is not None else ""

    def close(self) -> None:
        """End the connection now. What has not been sent is not sent."""
        self.closed = True
        self._transport.abort()
        if self._resting is not None:
            self._resting.cancel()

    def _rest(self, size: int) -> None:
        """Read no further for as long as the pace says after a read of ``size`` bytes, unless it was the last."""
        if self.ended or self.closed or self._resting is not None:
            return
        seconds = self._pace.rest(monotonic(), size)
        if seconds:
            self._transport.pause_reading()
            self._resting = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        if not self._paused and not self.closed:
            self._transport.resume_reading()

    def _unpacked(self, data: bytes) -> bytes:
        """The next piece of a compressed body, which may be a very large one however small it comes: so it is unpacked
        piece by piece, and ``_packed`` has the rest. A gzip body may have several members (RFC 1952, 2.2); what else
        follows its end is padding."""
        self._packed = None
        if not self._unpacking and not _looks_packed(data):
            self._inflate = None
            return data
        self._unpacking = True
        while True:
            if self._inflate.eof:
                if not data.startswith(_GZIP):
                    return b""
                self._inflate = _inflater("gzip")
            most = min(MOST_AT_ONCE, self._most_unpacked - self._inflated + 1)
            try:
                piece: bytes = self._inflate.decompress(data, most)
            except zlib.error as error:
                raise NotHttp("the body is not in the encoding that its head names") from error
            self._inflated += len(piece)
            if self._inflated > self._most_unpacked:
                raise NotHttp(f"the compressed body is larger than {self._most_unpacked // 1024**2} MiB")
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                if data or len(piece) == most:  # zlib may have read all and still have something to give
                    self._packed = data
                return piece
            if not data:
                return b""

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self.closed:
            raise Cut(unanswered=not self._answered)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        keep_alive(transport)

    def data_received(self, data: bytes) -> None:
        if self.ended:  # bytes that nobody asked for: whose response would they be?
            self._unasked = True
            self.close()
            return
        self._answered = True
        if not self._in_body:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it changes to another protocol (101), which nobody asked for")
        except httptools.HttpParserError as error:  # also what our own callbacks raise
            own = error.__context__
            self._fail(own.why if isinstance(own, NotHttp) else "", tls=data.startswith(_TLS_ALERT))
        if not self._in_body and self._head_size > HEAD_LIMIT:
            self._fail("the response's head is too large")
        self._buffered += len(data)
        if self._buffered > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()
        self._rest(len(data))

    def _fail(self, why: str, *, tls: bool = False) -> None:
        self._error = NotHttp(why) if self._in_body or not tls else ExpectsTls()
        self.close()

    def eof_received(self) -> None:
        """The transport closes by itself after this."""

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if not self.ended and self._error is None:
            if self._in_body and self._until_close and error is None:
                self.ended = True
            else:
                self._error = Cut(unanswered=not self._answered)
                self._error.__cause__ = error
        self._wake()

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self.ended:
            raise NotHttp("a second response came to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        if status >= 600:  # 100 to 599 are all that there are (RFC 9110, 15)
            raise NotHttp(f"its status is {status}")
        if sum(len(name) + len(value) for name, value in self._head) > HEAD_LIMIT:
            raise NotHttp("the response's head is too large")
        self._headers = _headers(self._head)
        self._keep = self._parser.should_keep_alive()
        self._until_close = "content-length" not in self._headers and "chunked" not in self._headers.get(
            "transfer-encoding", ""
        )
        self._inflate = _inflater(self._headers.get("content-encoding", ""))
        self._in_body = True

    def on_message_complete(self) -> None:
        if self._in_body:
            self.ended = True
        else:  # an interim response (100, 103): the real one follows
            self._head.clear()


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case; a repeated header's values are joined, as RFC 9110 5.3 allows."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _inflater(encoding: str) -> Any:
    """A decompressor for what some relays send although we ask for ``identity``; None for none."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(zlib.MAX_WBITS | 32)
        case "br" | "zstd" | "compress" as other:
            raise NotHttp(f"the body is encoded as {other}")
        case _:  # no encoding at all: ``utf-8``, ``none``, ``aws-chunked``
            return None


def _looks_packed(data: bytes) -> bool:
    """Whether a body that its head calls compressed begins so: relays unpack it, and keep the header. Neither JSON nor
    an event stream begins with such a byte."""
    return data[:1] == b"\x1f" or data[0] & 0x0F == zlib.DEFLATED
