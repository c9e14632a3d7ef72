"""Where the stream decoders and their parts write hub events."""

from __future__ import annotations

from daemon.inference.events import BlockDelta, BlockEnd, BlockKind, BlockStart, Event


class BlockWriter:
    """Numbers the blocks of one answer and collects its events until they are taken."""

    __slots__ = ("_next", "events")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._next = 0

    @property
    def started(self) -> int:
        """How many blocks have been started."""
        return self._next

    def start(
        self,
        kind: BlockKind,
        *,
        id: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        item_id: str | None = None,
    ) -> int:
        """Opens a block; its number is what the other methods want."""
        index = self._next
        self._next = index + 1
        self.events.append(BlockStart(index, kind, id, name, namespace, item_id))
        return index

    def delta(self, index: int, text: str) -> None:
        """A piece of the block's content."""
        self.events.append(BlockDelta(index, text))

    def end(self, index: int) -> None:
        """Closes a block that has nothing more to say."""
        self.events.append(BlockEnd(index))

    def take(self) -> list[Event]:
        """What was written since the last time."""
        events, self.events = self.events, []
        return events
