"""Request bodies, plain or compressed, never larger than ``limits.body`` once they are unpacked.

Codex sends zstd when it is configured to, SDKs behind proxies send gzip. A small body may unpack to
gigabytes, so what comes out is counted as it comes; large ones are unpacked in a thread.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final

import zstandard

from daemon.errors import ErrorKind, LocalError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_AT_ONCE: Final = 1024 * 1024
"""Unpacked bytes that come out of zlib at once."""
ZLIB_PIECE: Final = 4096
"""Packed bytes that go in at once; small, since what a member leaves of its piece is read again."""
ZSTD_PIECE: Final = 512
"""The same for zstd, whose blocks of 4 bytes unpack to 128 KiB: so this unpacks to 16 MiB at most."""
OFF_LOOP: Final = 128 * 1024
"""From this size on the loop would be held up noticeably."""
WINDOW: Final = 128 * 1024 * 1024
"""Most memory that a zstd frame may ask for; Codex and the command-line tool stay far below."""


class Disconnected(Exception):
    """The client left before its request was complete."""


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The whole body, unpacked. Raises ``LocalError`` (413, 415, 400) and ``Disconnected``."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return await _raw_body(headers, receive, limit)
    if coding not in CODINGS:
        raise LocalError(
            ErrorKind.INVALID_REQUEST,
            f"this content-encoding is not supported: send {', '.join(CODINGS)}, or the body as it is",
            status=415,
        )
    packed = await _raw_body(headers, receive, limit)
    if len(packed) < OFF_LOOP:
        return unpacked(coding, packed, limit)
    return await asyncio.to_thread(unpacked, coding, packed, limit)


def unpacked(coding: str, packed: bytes, limit: int) -> bytes:
    """``packed`` without its coding. Raises ``LocalError`` beyond ``limit`` bytes, and if it is not valid."""
    parts: list[bytes] = []
    size = 0
    try:
        for part in CODINGS[coding](packed):
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise LocalError(ErrorKind.INVALID_REQUEST, f"the request body is not valid {coding}") from None
    return b"".join(parts)


def _gunzip(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):  # a gzip body may have several members
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            piece = packed[at : at + ZLIB_PIECE]
            at += len(piece)
            yield from _inflated(inflater, piece)
        at -= len(inflater.unused_data)


def _inflate(packed: bytes) -> Iterator[bytes]:
    """``deflate`` means zlib's format; some clients send it without its frame."""
    framed = len(packed) > 1 and packed[0] & 0x0F == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
    inflater = zlib.decompressobj(wbits=15 if framed else -15)
    while not inflater.eof:
        yield from _inflated(inflater, packed)
        packed = b""


def _inflated(inflater: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """What this piece unpacks to. Raises ``EOFError`` where there is no piece left, and no end either."""
    part = inflater.decompress(piece, MOST_AT_ONCE)
    if not piece and not part and not inflater.eof:
        raise EOFError
    yield part
    while tail := inflater.unconsumed_tail:
        yield inflater.decompress(tail, MOST_AT_ONCE)


def _unzstd(packed: bytes) -> Iterator[bytes]:
    """Frame by frame. The stream reader of the library would bound its output, but it accepts a
    truncated body as complete; so small pieces go in instead."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    at = 0
    while at < len(packed):
        frame = decompressor.decompressobj()
        while not frame.eof:
            piece = packed[at : at + ZSTD_PIECE]
            if not piece:
                raise EOFError
            at += len(piece)
            yield frame.decompress(piece)
        at -= len(frame.unused_data)


CODINGS: Final[Mapping[str, Callable[[bytes], Iterator[bytes]]]] = {
    "zstd": _unzstd,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
}


async def _raw_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The bytes as they come, refused as soon as they are known to be more than ``limit``."""
    if int(headers.get("content-length", "0")) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> LocalError:
    return LocalError(
        ErrorKind.TOO_LARGE, f"the request body is larger than {limit} bytes (raise limits.body in config.yaml)"
    )
