"""What the tests of this wire share: a context, an encoder run, the recorded answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from daemon.inference.events import Event
from daemon.inference.request import ReasoningOptions, Request
from daemon.wires.anthropic_messages import WIRE
from daemon.wires.base import AnswerContext
from tests.wires.grammar_messages import Answer, read

FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "messages"
MISSING = "needs the recorded answers in ../shared/fixtures/messages"


def context(*, thinking: bool | None = True) -> AnswerContext:
    """Of a client that asked for thinking, or switched it off, or (None) said nothing of it."""
    request = Request(wire="messages", model="gpt-5", messages=(), reasoning=ReasoningOptions(enabled=thinking))
    return AnswerContext(model="gpt-5", answer_id="ab" * 16, created=1, input_estimate=42, request=request)


def encode(events: Iterable[Event], *, thinking: bool | None = True) -> Answer:
    """The events through a fresh encoder, in one call; the grammar is checked."""
    return read(WIRE.stream_encoder(context(thinking=thinking)).encode(list(events)))


def decode(stream: bytes, size: int | None = None) -> list[Event]:
    """The stream through a fresh decoder, whole or in pieces of ``size`` bytes."""
    decoder = WIRE.stream_decoder({})
    step = size or len(stream) or 1
    events = [event for start in range(0, len(stream), step) for event in decoder.feed(stream[start : start + step])]
    return events + decoder.close()


def recordings(prefix: str, suffix: str) -> list[object]:
    """The recorded files of one kind (``s-`` stream, ``j-`` JSON, ``e-`` error) as test parameters; one skipped
    row where there are none."""
    paths = sorted(FIXTURES.glob(f"{prefix}*{suffix}"))
    if not paths:
        return [pytest.param(FIXTURES, marks=pytest.mark.skip(reason=MISSING))]
    return [pytest.param(path, id=path.name.removesuffix(suffix)) for path in paths]
