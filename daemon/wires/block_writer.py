"""Where the item machines write their hub events."""

from __future__ import annotations

from daemon.inference.events import BlockDelta, BlockEnd, BlockKind, BlockStart, Event


class BlockWriter:
    """Numbers the blocks of one answer and collects its events until they are taken."""

    __slots__ = ("_next", "events")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._next = 0

    def start(
        self,
        kind: BlockKind,
        *,
        id: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        item_id: str | None = None,
    ) -> int:
        index = self._next
        self._next = index + 1
        self.events.append(BlockStart(index, kind, id, name, namespace, item_id))
        return index

    def delta(self, index: int, text: str) -> None:
        self.events.append(BlockDelta(index, text))

    def end(self, index: int) -> None:
        self.events.append(BlockEnd(index))

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events
