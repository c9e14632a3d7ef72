"""Hub events to the full event grammar of a Responses stream.

Invariants:
1. ``response.created`` and ``response.in_progress`` come first, ``sequence_number`` rises from 0 by 1.
2. Every block is an output item of its own, numbered in the order in which items are announced.
   Hosted and opaque items are announced when they are whole, since only then their type is known.
3. Done events repeat what the deltas said; ``completed`` repeats the items that were done.
4. A failure ends the stream with ``response.failed`` at once. Open items stay without their
   ``output_item.done``, as at OpenAI: Codex would run a cut call and keep a cut message as whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from msgspec.structs import replace

from daemon.errors import GatewayError
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
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.openai_responses import tool_search
from daemon.wires.openai_responses.encode_answer import ResponseObjects
from daemon.wires.openai_responses.stream_items import (
    CallBlock,
    FrameWriter,
    MessageBlock,
    OpenBlock,
    ReasoningBlock,
    ToolSearchBlock,
    WholeBlock,
)

MOST_REPEATED: Final = 4 * 1024 * 1024
"""Bytes of output that ``response.failed`` says once more: to say 64 MiB again would take as much room four times."""


class ResponsesStreamEncoder:
    """One answer toward one client."""

    __slots__ = ("_blocks", "_ended", "_ids", "_objects", "_searches", "_started", "_writer", "kept")

    def __init__(self, context: AnswerContext) -> None:
        self._objects = ResponseObjects(context)
        self._ids = CallIds(context)
        self._searches = tool_search.is_offered(context.request)
        self._writer = FrameWriter(context.answer_id)
        self._blocks: dict[int, OpenBlock] = {}  # by hub index; its place among the items is its own (invariant 2)
        # Whether ``response.created`` has gone out: with the first event, or with a keep-alive before it.
        self._started = False
        self._ended = False
        self.kept = 0

    def encode(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if self._ended:
                break
            if type(event) is BlockDelta and self._started:  # ``_event``, less two calls: nine events in ten
                self._blocks[event.index].delta(event.text)
            else:
                self._event(event)
        self.kept = self._writer.kept
        return self._writer.take()

    def keep_alive(self) -> bytes:
        """``response.in_progress`` once more: Codex counts any event, comments it does not count."""
        if self._ended:
            return b""
        if not self._start():
            self._progress()
        return self._writer.take()

    def fail(self, error: GatewayError) -> bytes:
        if self._ended:
            return b""
        self._failed(error)
        return self._writer.take()

    def _event(self, event: Event) -> None:
        self._start()
        match event:
            case BlockDelta():
                self._blocks[event.index].delta(event.text)
            case BlockStart():
                if event.kind in ("tool_call", "custom_tool_call"):
                    event = replace(event, id=self._ids.take(event.id, event.name or ""))
                self._blocks[event.index] = self._block_for(event)(self._writer, event)
            case BlockEnd():
                self._blocks.pop(event.index).end(event)
            case PartBreak():
                self._blocks[event.index].part_break()
            case Cited():
                self._blocks[event.index].cite(event.citation)
            case MessageStart():
                pass
            case Finish():
                self._finish(event)
            case StreamError():
                self._failed(event.error)
            case _:
                assert_never(event)

    def _block_for(self, start: BlockStart) -> type[OpenBlock]:
        if self._searches and start.name == tool_search.NAME and start.namespace is None:
            return ToolSearchBlock
        match start.kind:
            case "text" | "refusal":
                return MessageBlock
            case "reasoning":
                return ReasoningBlock
            case "tool_call" | "custom_tool_call":
                return CallBlock
            case "hosted" | "opaque":
                return WholeBlock
            case _:
                assert_never(start.kind)

    def _start(self) -> bool:
        """The opening, if it is due; whether it was."""
        if self._started:
            return False
        self._started = True
        self._writer.write(b"response.created", b',"response":' + self._objects.running())
        self._progress()
        return True

    def _progress(self) -> None:
        self._writer.write(b"response.in_progress", b',"response":' + self._objects.running())

    def _failed(self, error: GatewayError) -> None:
        self._start()
        self._ended = True
        output = self._writer.finished() if self._writer.kept <= MOST_REPEATED else []
        failed = self._objects.failed(output, error)
        self._writer.write(b"response.failed", b',"response":' + failed)

    def _finish(self, event: Finish) -> None:
        self._ended = True
        output = self._writer.finished()
        status, final = self._objects.final(
            output, finish=event.reason, usage=event.usage, service_tier=event.service_tier
        )
        self._writer.write(b"response.%b" % status.encode(), b',"response":' + final)
