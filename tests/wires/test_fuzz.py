"""A million broken inputs (`make soak`, a sample here): an error or an answer, never a crash, a hang or a leak."""

from __future__ import annotations

import gc
import json
import random
import resource
from collections.abc import Callable

import pytest

from bench import samples
from daemon.errors import GatewayError
from daemon.inference.events import Finish, StreamError
from daemon.wires.base import EncodeOptions
from daemon.wires.table import WIRES

SAMPLE, CAMPAIGN = 3_000, 1_000_000
GROWTH = 32 * 1024
"""KiB that the second half of a campaign may add to the peak memory of the first."""

REQUEST = samples.small()
ERRORS = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded","message":"no"}}\n\ndata: {"error":"no"}\n\n'
)
PIECES = (
    b"\n\n",
    b"data: ",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u",
    b"null",
    b"1e999",
    b"-",
    b"\x00",
    b"\xff",
    b"event: error\n",
)


def broken(chance: random.Random, seed: bytes) -> bytes:
    """``seed`` with a few bytes changed, cut out, repeated or put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 3, 40)))
        new = chance.choice((b"", data[start:end] * 2, chance.choice(PIECES), chance.randbytes(2)))
        data[start:end] = new
    return bytes(data)


def decode_stream(name: str) -> tuple[bytes, Callable[[bytes], None]]:
    wire = WIRES[name]

    def read(data: bytes) -> None:
        decoder = wire.stream_decoder({})
        cut = len(data) // 2
        events = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:]), *decoder.close()]
        ends = [event for event in events if isinstance(event, Finish | StreamError)]
        assert len(ends) == 1 and events[-1] is ends[0]

    return b"".join(samples.stream_frames(wire, REQUEST)[:6]) + ERRORS, read


def decode_request(name: str) -> tuple[bytes, Callable[[bytes], None]]:
    wire = WIRES[name]

    def read(data: bytes) -> None:
        try:
            request = wire.decode_request(data, {})
        except GatewayError as error:
            assert 400 <= error.status < 500
        else:
            json.loads(WIRES["responses"].encode_request(request, EncodeOptions(model="gpt-5")).body)

    return samples.request_bytes(wire, REQUEST), read


TARGETS = {f"{kind.__name__} {name}": (kind, name) for kind in (decode_stream, decode_request) for name in WIRES}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("inputs", [SAMPLE // 6, pytest.param(CAMPAIGN // 6, marks=pytest.mark.soak)])
def test_broken_inputs_are_reported_and_forgotten(target: str, inputs: int) -> None:
    kind, name = TARGETS[target]
    seed, read = kind(name)
    chance = random.Random(target)
    peaks = []
    for half in range(2):
        for _ in range(inputs // 2):
            data = broken(chance, seed)
            try:
                read(data)
            except Exception as error:
                pytest.fail(f"{type(error).__name__} in half {half} for {data!r}")
        gc.collect()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < GROWTH
