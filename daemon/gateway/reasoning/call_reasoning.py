"""Signed reasoning of answers whose client has no place for it: Chat Completions'.

The upstream wants it back with the results of its calls, so it is kept here by the ids of those, as the client knows
them, and put back into the next request of the conversation before anybody is chosen for it. It is sealed like what
other clients carry themselves (``signatures``). After a restart, or on another node, it is gone: then an upstream that
refuses the turn for it is asked again without (``amendments``). Reasoning of an answer that calls nothing is not kept:
no upstream asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from daemon.inference.blocks import Block, Reasoning, Text, ToolCall
from daemon.inference.events import OBJECT, BlockDelta, BlockEnd, BlockStart, Event, Finish, PartBreak, room_of
from daemon.inference.request import Message, Request
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds

MOST_KEPT: Final = 32 * 1024 * 1024
"""Bytes of it in all; the oldest is forgotten first."""

_KNOWN_BY: Final = 2048
"""Characters of the user's first words, by which conversations differ whose calls have the same ids."""


class _OfCall(Struct, frozen=True):
    """``first``: what opened the answer, before any text."""

    first: tuple[Reasoning, ...]
    before: tuple[Reasoning, ...]
    behind: tuple[Reasoning, ...] = ()

    @property
    def size(self) -> int:
        blocks = (*self.first, *self.before, *self.behind)
        return OBJECT + sum(OBJECT + room_of(block.text) + len(block.signature or "") for block in blocks)


class CallReasoning:
    """Live state of one daemon. It survives every reload: what a core auth has sealed is opened for it alone."""

    __slots__ = ("_calls", "_size")

    def __init__(self) -> None:
        self._calls: dict[int, _OfCall] = {}
        self._size = 0

    def keep(self, key: int, reasoning: _OfCall) -> None:
        before = self._calls.pop(key, None)
        self._size += reasoning.size - (before.size if before is not None else 0)
        self._calls[key] = reasoning
        while self._size > MOST_KEPT:
            self._size -= self._calls.pop(next(iter(self._calls))).size

    def put_back(self, request: Request) -> Request:
        """The request with the reasoning that led to its calls; the same object where none is known."""
        if not self._calls:
            return request
        conversation = _conversation(request)
        messages = tuple(self._with_reasoning(message, conversation) for message in request.messages)
        changed = any(after is not before for after, before in zip(messages, request.messages, strict=True))
        return replace(request, messages=messages) if changed else request

    def _with_reasoning(self, message: Message, conversation: str) -> Message:
        if message.role != "assistant":
            return message
        front: list[Block] = []
        rest: list[Block] = []
        for block in message.content:
            kept = self._calls.get(_key(conversation, block.id)) if type(block) is ToolCall else None
            if kept is not None:
                front += kept.first
                rest += kept.before
            rest.append(block)
            if kept is not None:
                rest += kept.behind
        if len(front) + len(rest) == len(message.content):
            return message
        # The text that the client has of it is said in what is put back.
        own = [block for block in rest if type(block) is not Reasoning or block.signature]
        return replace(message, content=(*front, *own))


class ReasoningKeeper:
    """Looks at the events of one answer on their way to its client, and keeps the signed reasoning among them."""

    __slots__ = ("_before", "_conversation", "_first", "_growing", "_ids", "_last", "_spoken", "_table")

    def __init__(self, context: AnswerContext, table: CallReasoning) -> None:
        self._table = table
        self._conversation = _conversation(context.request)
        self._ids = CallIds(context)  # gives each call the id that the client's encoder gives it
        self._growing: dict[int, list[list[str]]] = {}
        self._first: list[Reasoning] = []
        self._before: list[Reasoning] = []
        self._last: tuple[int, _OfCall] | None = None
        self._spoken = False

    def note(self, events: Sequence[Event]) -> None:
        growing = self._growing
        for event in events:
            if type(event) is BlockDelta:
                if event.index in growing:
                    growing[event.index][-1].append(event.text)
            elif type(event) is BlockStart:
                self._start(event)
            elif type(event) is PartBreak:
                growing.get(event.index, []).append([])
            elif type(event) is BlockEnd:
                self._end(event)
            elif type(event) is Finish:
                self._finish()

    def _finish(self) -> None:
        """What came behind the last call belongs to that."""
        if self._last is not None and self._before:
            key, kept = self._last
            self._table.keep(key, replace(kept, behind=tuple(self._before)))

    def _start(self, start: BlockStart) -> None:
        if start.kind == "reasoning":
            self._growing[start.index] = [[]]
        elif start.kind in ("tool_call", "custom_tool_call"):
            key = _key(self._conversation, self._ids.take(start.id, start.name or ""))
            kept = _OfCall(tuple(self._first), tuple(self._before))
            self._first, self._before = [], []
            self._last, self._spoken = (key, kept), True
            if kept.first or kept.before:
                self._table.keep(key, kept)
        else:
            self._spoken = True

    def _end(self, end: BlockEnd) -> None:
        parts = tuple("".join(part) for part in self._growing.pop(end.index, ()))
        if end.signature:
            said = tuple(part for part in parts if part)
            reasoning = Reasoning(parts=said, signature=end.signature, redacted=end.redacted)
            (self._before if self._spoken else self._first).append(reasoning)


def _conversation(request: Request) -> str:
    first = next((message for message in request.messages if message.role == "user"), None)
    blocks: Iterable[Block] = first.content if first is not None else ()
    return "\n".join(block.text[:_KNOWN_BY] for block in blocks if type(block) is Text)


def _key(conversation: str, call_id: str) -> int:
    return hash((conversation, call_id))
