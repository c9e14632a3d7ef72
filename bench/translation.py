"""Only the translation core: upstream bytes to client bytes per wire pair, and request bytes the other way.

It is compared with ``json.loads`` + ``json.dumps`` of the same bytes in the same run: the least that any gateway
pays that reads each event. No sockets, no loop, no log.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench import samples
from bench.table import figure, share, table
from daemon.inference.request import Request
from daemon.wires.base import EncodeOptions, Wire
from daemon.wires.sse import SseSplitter
from daemon.wires.table import WIRES

REPEATS = 7
LIMIT = 1.0
"""A translated event costs at most what JSON in and out of the same bytes costs."""


def run() -> int:
    """Prints both tables; gives the number of wire pairs whose delta event costs more than ``LIMIT``."""
    print("### the translation core: one stream of text deltas")
    rows, missed = streams()
    heads = (
        "upstream -> entry",
        "us/event",
        "us/event, 4 kB reads",
        "MB/s in, 4 kB reads",
        "json us/event",
        "ratio",
        "",
    )
    print(table(heads, rows))
    print("\n### the translation core: requests")
    print(table(("entry -> upstream", "request", "bytes", "us", "json us", "ratio"), requests()))
    return missed


def streams() -> tuple[list[tuple[str, ...]], int]:
    rows, missed, request = [], 0, samples.small()
    for upstream, above in WIRES.items():
        frames = samples.stream_frames(above, request)
        whole = b"".join(frames)
        payloads = [each for each in SseSplitter().feed(whole) if each != b"[DONE]"]
        reads = [whole[start : start + 4096] for start in range(0, len(whole), 4096)]
        for entry, below in WIRES.items():
            single, batched, base = best(
                partial(relay, above, below, frames, request),
                partial(relay, above, below, reads, request),
                partial(by_json, payloads),
            )
            events = len(frames)
            ok = single <= base * LIMIT
            missed += not ok
            times = (figure(seconds / events * 1e6) for seconds in (single, batched))
            rate = figure(len(whole) / batched / 1e6)
            verdict = "ok" if ok else "MISSED"
            rows.append(
                (f"{upstream} -> {entry}", *times, rate, figure(base / events * 1e6), share(single / base), verdict)
            )
    return rows, missed


def requests() -> list[tuple[str, ...]]:
    rows = []
    for shape, request in (("small", samples.small()), ("agent", samples.agent())):
        for entry, below in WIRES.items():
            body = samples.request_bytes(below, request)
            for upstream, above in WIRES.items():
                ours, base = best(partial(translate, below, above, body), partial(json_again, body))
                times = (figure(seconds * 1e6) for seconds in (ours, base))
                rows.append((f"{entry} -> {upstream}", shape, str(len(body)), *times, share(ours / base)))
    return rows


def relay(above: Wire, below: Wire, reads: Sequence[bytes], request: Request) -> int:
    """Upstream reads to client writes, as the request plane does it: one write for each read."""
    decoder, encoder = above.stream_decoder({}), below.stream_encoder(samples.context(request))
    written = sum(len(encoder.encode(decoder.feed(read))) for read in reads)
    return written + len(encoder.encode(decoder.close()))


def translate(entry: Wire, upstream: Wire, body: bytes) -> bytes:
    return upstream.encode_request(entry.decode_request(body, {}), EncodeOptions(model=samples.MODEL)).body


def by_json(payloads: Sequence[bytes]) -> int:
    return sum(len(json.dumps(json.loads(payload))) for payload in payloads)


def json_again(body: bytes) -> bytes:
    return json.dumps(json.loads(body)).encode()


def best(*measured: Callable[[], object]) -> list[float]:
    """Seconds of CPU of each function: the best of interleaved repeats, so that a noisy moment affects all of them."""
    times = [float("inf")] * len(measured)
    for _ in range(REPEATS):
        for number, function in enumerate(measured):
            gc.collect()
            turns = 0
            start = now = time.process_time()
            while now - start < 0.02:
                function()
                turns += 1
                now = time.process_time()
            times[number] = min(times[number], (now - start) / turns)
    return times
