"""Request bodies, plain or compressed, never larger than ``limits.body`` once they are unpacked.

Codex sends zstd when it is told to, SDKs behind proxies send gzip. A small body may unpack to
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

PIECE: Final = 1024 * 1024
"""Unpacked bytes that come out at once."""
ZSTD_PIECE: Final = 512
"""Packed bytes that go in at once: a zstd block of 4 bytes unpacks to 128 KiB, so this to 16 MiB at most."""
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
            f"content-encoding {coding[:40]!r} is not supported: send {', '.join(CODINGS)}, or the body as it is",
            status=415,
        )
    packed = await _raw_body(headers, receive, limit)
    if len(packed) < OFF_LOOP:
        return unpacked(coding, packed, limit)
    return await asyncio.to_thread(unpacked, coding, packed, limit)


def unpacked(coding: str, packed: bytes, limit: int) -> bytes:
    """``packed`` without its coding. Raises ``LocalError`` beyond ``limit`` bytes, and for what is no such coding."""
    parts: list[bytes] = []
    size = 0
    try:
        for part in CODINGS[coding](packed, limit):
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise LocalError(ErrorKind.INVALID_REQUEST, f"the request body is not valid {coding}") from None
    return b"".join(parts)


def _gunzip(packed: bytes, limit: int) -> Iterator[bytes]:
    while packed:  # a gzip body may have several members
        inflater = zlib.decompressobj(wbits=31)
        yield from _inflated(inflater, packed, limit)
        packed = inflater.unused_data


def _inflate(packed: bytes, limit: int) -> Iterator[bytes]:
    """``deflate`` means zlib's format; some clients send it without its frame."""
    framed = len(packed) > 1 and packed[0] & 0x0F == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
    yield from _inflated(zlib.decompressobj(wbits=15 if framed else -15), packed, limit)


def _inflated(inflater: zlib._Decompress, packed: bytes, limit: int) -> Iterator[bytes]:
    while not inflater.eof:
        part = inflater.decompress(packed, min(limit + 1, PIECE))
        packed = inflater.unconsumed_tail
        if not part and not packed and not inflater.eof:
            raise EOFError
        yield part


def _unzstd(packed: bytes, _limit: int) -> Iterator[bytes]:
    """Frame by frame. The stream reader of the library would bound its output, but it takes a body
    that is cut short for whole; so small pieces go in instead."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    while packed:
        frame = decompressor.decompressobj()
        for at in range(0, len(packed), ZSTD_PIECE):
            yield frame.decompress(packed[at : at + ZSTD_PIECE])
            if frame.eof:
                packed = frame.unused_data + packed[at + ZSTD_PIECE :]
                break
        else:
            raise EOFError


CODINGS: Final[Mapping[str, Callable[[bytes, int], Iterator[bytes]]]] = {
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
