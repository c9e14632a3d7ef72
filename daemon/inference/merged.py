"""Events that nobody waits for, in less room: what was said of one block in many pieces is one piece."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.inference.events import BlockDelta, BlockEnd, Event, PartBreak


def merged(events: Iterable[Event]) -> list[Event]:
    """The same answer: ``collect(merged(events)) == collect(events)``. The pieces of blocks that grow at the same
    time are put together too, each where its first one stood."""
    kept: list[Event] = []
    texts: dict[int, tuple[int, list[str]]] = {}  # block -> (place in ``kept``, its pieces since then)
    for event in events:
        if isinstance(event, BlockDelta) and event.index in texts:
            texts[event.index][1].append(event.text)
            continue
        if isinstance(event, BlockDelta):
            texts[event.index] = (len(kept), [event.text])
        elif isinstance(event, PartBreak | BlockEnd):
            _close(kept, texts, event.index)
        kept.append(event)
    for index in tuple(texts):
        _close(kept, texts, index)
    return kept


def _close(kept: list[Event], texts: dict[int, tuple[int, list[str]]], index: int) -> None:
    place, pieces = texts.pop(index, (0, []))
    if len(pieces) > 1:
        kept[place] = BlockDelta(index, "".join(pieces))
