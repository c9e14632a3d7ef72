"""The items of a list before and after: which is which, and moving their lines when they change places.

Items that have a ``name`` are the same if they are named the same (trimmed, in lower case). Lists of
the same length without names are compared place by place, all others by value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from daemon.config.edit.pieces import Lines, NotEditable, Piece, dash
from daemon.config.edit.render import same
from daemon.config.provider import lower_name

Pairs = tuple[int | None, ...]
"""For each new item the place of the old one that it is, None for a new one."""


def matched(old: Sequence[object], new: Sequence[object]) -> Pairs:
    if len(old) == len(new) and not any(item_name(item) for item in (*old, *new)):
        return tuple(range(len(old)))
    places: dict[Hashable, list[int]] = {}
    for place, item in enumerate(old):
        places.setdefault(_identity(item), []).append(place)
    pairs = [places[identity].pop(0) if places.get(identity := _identity(item)) else None for item in new]
    return _renamed(old, new, pairs)


def _renamed(old: Sequence[object], new: Sequence[object], pairs: Sequence[int | None]) -> Pairs:
    """An item in the same place that differs only in its name is the same one."""
    return tuple(
        at if place is None and at not in pairs and at < len(old) and _is_renamed(old[at], item) else place
        for at, (item, place) in enumerate(zip(new, pairs, strict=True))
    )


def _is_renamed(old: object, new: object) -> bool:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping) or not item_name(old) or not item_name(new):
        return False
    return same({**old, "name": ""}, {**new, "name": ""})


def is_reordered(pairs: Pairs) -> bool:
    remaining = [place for place in pairs if place is not None]
    return remaining != sorted(remaining)


def permutation(lines: Lines, piece: Piece, pairs: Pairs) -> Iterator[tuple[int, int, str]]:
    """Splices (start, end, text) that put the remaining items into their new order, each with the comments
    above its dash. Items that are to be removed stay where they are."""
    remaining = [place for place in pairs if place is not None]
    if piece.flow:
        spans = {place: (piece.entries[place].start, piece.entries[place].end) for place in remaining}
    else:
        chunks = _chunks(lines, piece)
        spans = {place: chunks[place] for place in remaining}
    for target, source in zip(sorted(remaining), remaining, strict=True):
        if target != source:
            start, end = spans[source]
            yield *spans[target], lines.text[start:end]


def _chunks(lines: Lines, piece: Piece) -> list[tuple[int, int]]:
    """(start, end) of each item's lines, the last line end left out."""
    dashes = [dash(lines, each.value) for each in piece.entries]
    if not all(lines.opens(at) for at in dashes):
        raise NotEditable("a list inside a list is not reordered", line=lines.number(piece.start) + 1)
    starts = [_with_comments(lines, at) for at in dashes]
    ends = [lines.end(max(at, each.end)) for at, each in zip(dashes, piece.entries, strict=True)]
    limits = [*starts[1:], len(lines.text)]
    return [
        (start, _with_remarks(lines, end, limit, lines.column(at)))
        for start, end, limit, at in zip(starts, ends, limits, dashes, strict=True)
    ]


def _with_comments(lines: Lines, at: int) -> int:
    """Up over the comments right above the dash that begin in its column."""
    column, start = lines.column(at), lines.start(at)
    while start:
        above = lines.start(start - 1)
        text = lines.text[above : lines.end(above)]
        if len(text) - len(text.lstrip(" ")) != column or not text.lstrip(" ").startswith("#"):
            break
        start = above
    return start


def _with_remarks(lines: Lines, end: int, limit: int, column: int) -> int:
    """Down over the comments right below the item that are indented deeper than its dash."""
    number = lines.number(end) + 1
    while (span := lines.span(number)) and span[0] < limit:
        text = lines.text[span[0] : span[1]]
        if not text.lstrip(" ").startswith("#") or len(text) - len(text.lstrip(" ")) <= column:
            break
        end, number = span[1], number + 1
    return end


def item_name(item: object) -> str:
    """The name that an item goes by, trimmed and in lower case; empty where it has none."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return lower_name(name) if isinstance(name, str) else ""


def _identity(item: object) -> Hashable:
    if name := item_name(item):
        return ("name", name)
    return (type(item).__name__, repr(item))
