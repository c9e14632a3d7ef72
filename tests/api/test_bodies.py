"""Request bodies arrive whole and unpacked, never larger than the limit, whatever they unpack to."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import zstandard

from daemon.api.bodies import OFF_LOOP, Disconnected, read_body, unpacked
from daemon.errors import LocalError

BODY = b'{"model":"gpt-5","input":"hi"}' * 1000
LIMIT = 64 * 1024


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def zstd_in_frames(data: bytes) -> bytes:
    half = len(data) // 2
    return zstandard.compress(data[:half]) + zstandard.compress(data[half:])


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstandard.compress),
    ("zstd", zstd_in_frames),
    ("ZSTD ", zstandard.compress),
]


SPOILERS: list[Callable[[bytes], bytes]] = [
    lambda _: b"not packed",
    lambda data: data[:20],
    lambda data: data[:4] + data[6:],
]


class Client:
    """Sends ``parts`` one message each; hangs up after them where it is ``rude``."""

    def __init__(self, *parts: bytes, rude: bool = False) -> None:
        more = [True] * (len(parts) - 1) + [rude]
        self._messages: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": last} for part, last in zip(parts, more, strict=True)
        ]

    async def receive(self) -> MutableMapping[str, Any]:
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}


@pytest.mark.asyncio
@pytest.mark.parametrize(("coding", "pack"), PACKERS)
async def test_every_coding(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(BODY)
    assert await read_body({"content-encoding": coding}, Client(packed[:7], packed[7:]).receive, LIMIT) == BODY


@pytest.mark.parametrize(("coding", "pack"), PACKERS[:7])
def test_a_bomb_is_refused_as_soon_as_it_passes_the_limit(coding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(LocalError) as refused:
        unpacked(coding, pack(bytes(64 * 1024 * 1024)), LIMIT)
    assert (refused.value.status, "limits.body" in refused.value.message) == (413, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("spoil", SPOILERS)
def test_what_is_no_such_coding_is_told(coding: str, spoil: Callable[[bytes], bytes]) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstandard.compress,
    }
    with pytest.raises(LocalError) as refused:
        unpacked(coding, spoil(packers[coding](BODY)), LIMIT)
    assert (refused.value.status, refused.value.message) == (400, f"the request body is not valid {coding}")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_great_many_empty_members_cost_what_their_bytes_cost(pack: Callable[[bytes], bytes]) -> None:
    coding = "gzip" if pack is gzip.compress else "zstd"
    assert unpacked(coding, pack(b"") * 20_000 + pack(BODY), LIMIT) == BODY


@pytest.mark.asyncio
async def test_a_large_one_is_unpacked_as_well() -> None:
    noise = bytes(range(256)) * 1024
    packed = gzip.compress(noise, compresslevel=0)
    assert len(packed) > OFF_LOOP
    assert await read_body({"content-encoding": "gzip"}, Client(packed).receive, len(noise) + 1024) == noise


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "headers", "parts"),
    [
        (415, {"content-encoding": "br"}, (b"x",)),
        (415, {"content-encoding": "gzip, zstd"}, (b"x",)),
        (413, {"content-length": str(LIMIT + 1)}, (b"x",)),
        (413, {}, (bytes(LIMIT + 1),)),
        (413, {}, (bytes(LIMIT), b"x")),
    ],
)
async def test_what_is_refused(status: int, headers: dict[str, str], parts: tuple[bytes, ...]) -> None:
    with pytest.raises(LocalError) as refused:
        await read_body(headers, Client(*parts).receive, LIMIT)
    assert refused.value.status == status


@pytest.mark.asyncio
async def test_plain_bodies_in_one_piece_or_several() -> None:
    assert await read_body({}, Client(b"abc").receive, LIMIT) == b"abc"
    assert await read_body({"content-encoding": "identity"}, Client(b"a", b"", b"bc").receive, 3) == b"abc"


@pytest.mark.asyncio
async def test_a_client_that_leaves_midway() -> None:
    with pytest.raises(Disconnected):
        await read_body({}, Client(b"a", rude=True).receive, LIMIT)
