"""The items of one answer, found by the place that their events name.

Places are ``output_index``; ids serve only where an event has none, since they may change from event
to event (seen at GitHub Copilot). Relays that number every item 0 are understood too: an item that
has ended gives its place to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Raw

from daemon.inference.events import OBJECT
from daemon.inference.response import FinishReason
from daemon.wires.json import LenientDecoder, is_object
from daemon.wires.openai_responses.output_items import (
    CALL_KINDS,
    CallState,
    ItemState,
    MessageState,
    ReasoningState,
    call_id_of,
    id_of,
    state_of,
    type_of,
)
from daemon.wires.openai_responses.schema import EventHead, ItemEvent
from daemon.wires.sse_decoder import MOST_BLOCKS, BlockWriter, too_many

_UNANNOUNCED = {type_: Raw(b'{"type":"%b"}' % type_.encode()) for type_ in ("message", "reasoning", *CALL_KINDS)}
"""Stand-ins for an item whose ``output_item.added`` never came."""

_CONTENT = frozenset(state.content for state in (MessageState, ReasoningState, CallState))

_item_event = LenientDecoder(ItemEvent)

State = TypeVar("State", MessageState, ReasoningState, CallState)


class ItemTable:
    """``names`` maps shortened tool names back. Items write to ``writer`` by themselves."""

    __slots__ = ("_items", "_names", "_places", "_states", "_writer")

    def __init__(self, writer: BlockWriter, names: Mapping[str, str]) -> None:
        self._writer = writer
        self._names = names
        self._items: dict[int, ItemState] = {}  # the last item at each place
        self._places: dict[str, int] = {}  # item id -> place, for events without ``output_index``
        # All items in their order, with their types, also those whose place another has taken: what was empty, and why
        # the answer ended, is asked of all of them.
        self._states: list[tuple[str, ItemState]] = []

    def get(self, head: EventHead, payload: bytes) -> ItemState | None:
        """The item that an event is about, running or ended."""
        return self._items.get(self._place(head, payload))

    def open(self, head: EventHead, payload: bytes, kind: type[State], type_: str) -> State:
        """The running item that an event is about, or a new one: its announcement may be missing."""
        place = self._place(head, payload) if head.output_index is None else head.output_index
        state = self._items.get(place)
        if isinstance(state, kind) and not state.ended:
            return state
        if state is not None and not state.ended:
            state.finish()
        state = self._add(place, _UNANNOUNCED[type_])
        assert isinstance(state, kind)
        return state

    def unless_ended(self, head: EventHead, payload: bytes, kind: type[State], type_: str) -> State | None:
        """As ``open``, for events that only repeat: an item that has ended needs no repetition."""
        state = self.get(head, payload)
        return None if isinstance(state, kind) and state.ended else self.open(head, payload, kind, type_)

    def announce(self, output_index: int | None, item: Raw) -> None:
        """``output_item.added``. A call at its place that had no name yet gets one; any other item there ends."""
        place = len(self._items) if output_index is None else output_index
        state = self._items.get(place)
        if isinstance(state, CallState) and not state.started and self._type(state) == type_of(item):
            state.announced(item)
            return
        if state is not None and not state.ended:
            state.finish()
        self._add(place, item)

    def done(self, output_index: int | None, item: Raw) -> None:
        """The item's last word."""
        if output_index is None:
            output_index = self._places.get(id_of(item) or "", len(self._items))
        state = self._items.get(output_index)
        if state is None or self._type(state) != type_of(item):
            state = self._add(output_index, item)
        if not state.ended:
            state.done(item)

    def take_output(self, output: list[Raw]) -> None:
        """Read from the final snapshot what the events did not bring: whole items, or the end of running ones."""
        types = {type_ for type_, _ in self._states}
        for place, item in enumerate(output):
            if not is_object(item):
                continue
            state = self._items.get(place)
            if state is not None and not state.ended and self._type(state) == type_of(item):
                state.done(item)
            elif state is None and (type_of(item) not in types or self._is_new_call(item)):
                self.done(place, item)

    def finish(self) -> None:
        """The answer is over: every running item ends."""
        for _, state in self._states:
            if not state.ended:
                state.finish()

    @property
    def empty(self) -> frozenset[str]:
        """The kinds of content of which an item brought none; where no item came, all of them."""
        if not self._states:
            return _CONTENT
        return frozenset(state.content for _, state in self._states if state.empty)

    def finish_reason(self) -> FinishReason:
        """What a completed answer ended for."""
        states = [state for _, state in self._states]
        if any(isinstance(state, CallState) and state.started for state in states):
            return FinishReason.TOOL_CALLS
        refused = any(isinstance(state, MessageState) and state.refused for state in states)
        return FinishReason.REFUSAL if refused else FinishReason.STOP

    def _place(self, head: EventHead, payload: bytes) -> int:
        if head.output_index is not None:
            return head.output_index
        item_id = _item_event.decode(payload).item_id or ""
        return self._places.get(item_id, max(self._items, default=0))

    def _add(self, place: int, item: Raw) -> ItemState:
        if len(self._states) >= MOST_BLOCKS:
            raise too_many()
        state = state_of(item, writer=self._writer, names=self._names)
        self._writer.kept += 4 * OBJECT + len(state.item_id or "")
        self._items[place] = state
        self._states.append((type_of(item), state))
        if state.item_id:
            self._places[state.item_id] = place
        return state

    def _type(self, state: ItemState) -> str:
        return next(type_ for type_, known in self._states if known is state)

    def _is_new_call(self, item: Raw) -> bool:
        if type_of(item) not in CALL_KINDS:
            return False
        known = {state.call_id for _, state in self._states if isinstance(state, CallState)}
        return call_id_of(item) not in known
