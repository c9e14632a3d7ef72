"""What a pipe keeps of an answer it counts: whatever an upstream makes grow, ``kept`` grows with the memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from itertools import product

import pytest
from _pytest.mark import ParameterSet

from daemon.errors import RemoteError
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.response_pipe import ResponsePipe
from daemon.gateway.translation import TranslationPipe
from daemon.wires.table import WIRES
from tests.endless import UNLIMITED, UPSTREAMS, numbered
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate

READ = 32 * 1024
READS = 4
SLACK = 48 * 1024
"""Bytes for what is there once, and for what a read leaves behind until the next."""


SLOW = ("chat_calls", "chat_ids", "messages_blocks", "responses_added")
"""A thousand small things each, which takes seconds while memory is traced."""
MOST_TELLING = {"chat": "responses", "messages": "responses", "responses": "messages"}
"""Of each upstream's wire the entry that keeps most, which is looked at every time."""


def cases() -> Iterator[ParameterSet]:
    for kind, (wire, _, _) in UPSTREAMS.items():
        for entry, stream in product(WIRES, (True, False)):
            often = stream and entry == MOST_TELLING[wire] and kind not in SLOW
            if kind != "chat_values":
                yield pytest.param(kind, entry, stream, marks=[] if often else [pytest.mark.soak])


def new_pipe(kind: str, entry: str, *, stream: bool) -> ResponsePipe:
    wire = UPSTREAMS[kind][0]
    request = client_request(entry, {"stream": stream})
    pipe: ResponsePipe = PassthroughPipe(request, ReasoningOwners()) if wire == entry else TranslationPipe(request)
    pipe.prepare(target(candidate(wire=wire, model="served")))
    return pipe


def fed(pipe: ResponsePipe, kind: str, *, stream: bool) -> int:
    """How many bytes went in before the end of them, or of the answer."""
    _, opening, again = UPSTREAMS[kind]
    many, size = max(1, READ // len(again)), 0
    pipe.feed(opening)
    for number in range(READS):
        data = numbered(again, number * many, many)[:READ]
        size += len(data)
        pipe.feed(data)
        if stream:
            pipe.take()
    return size


@pytest.mark.parametrize(("kind", "entry", "stream"), list(cases()))
def test_what_is_kept_is_counted(kind: str, entry: str, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.gateway.translation.MANY_BYTES", READ)
    pipe = new_pipe(kind, entry, stream=stream)
    gc.collect()
    tracemalloc.start()
    try:
        size = fed(pipe, kind, stream=stream)
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
    except RemoteError:
        return  # one part too many: nothing grows any more
    finally:
        tracemalloc.stop()
    counted = pipe.kept if stream else max(pipe.kept, size)
    assert grown < 1.25 * counted + SLACK, (grown, pipe.kept, size)
    if stream and (kind, entry) in UNLIMITED:
        assert pipe.kept < READ
