"""What the tests over all wires share: one grammar per wire, the hub's invariants, a client's context."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.inference.request import ReasoningOptions, Request
from daemon.wires.base import AnswerContext
from daemon.wires.table import WIRES
from tests.wires import grammar_chat, grammar_messages, grammar_responses

GRAMMARS: dict[str, Callable[[bytes], object]] = {
    "messages": grammar_messages.check,
    "chat": grammar_chat.check,
    "responses": grammar_responses.check,
}
per_wire = pytest.mark.parametrize("name", WIRES)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).map(
    lambda text: f"<{text}>"  # no wire keeps text of white space alone
)


def context(name: str) -> AnswerContext:
    """Of a client that wants all there is, thinking too."""
    reasoning = ReasoningOptions(enabled=True if name == "messages" else None)
    request = Request(wire=name, model="gpt-5", messages=(), stream=True, reasoning=reasoning)
    return AnswerContext(model="gpt-5", answer_id="ab" * 16, created=1, input_estimate=11, request=request)


def check_invariants(events: list[Event]) -> None:
    """Those of ``inference.events``."""
    assert isinstance(events[0], MessageStart)
    open_blocks: set[int] = set()
    started = 0
    for event in events[1:-1]:
        match event:
            case BlockStart():
                assert event.index == started and (event.name or not event.kind.endswith("tool_call"))
                started += 1
                open_blocks.add(event.index)
            case BlockEnd():
                open_blocks.remove(event.index)
            case BlockDelta() | PartBreak() | Cited():
                assert event.index in open_blocks and not (isinstance(event, BlockDelta) and not event.text)
            case _:
                raise AssertionError(f"{event} in the middle")
    assert isinstance(events[-1], StreamError) or (isinstance(events[-1], Finish) and not open_blocks)
