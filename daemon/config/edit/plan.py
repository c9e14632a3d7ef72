"""What to replace in a text to change its data: the difference as splices.

1. Only what differs is touched; a changed scalar keeps its quotes, a removed entry takes its own lines.
2. A removal takes the line end *before* its lines and an insertion comes after a line's text, so that
   neighbours never overlap.
3. A plan is a proposal. ``edit.rewrite`` applies it, reads the result and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from daemon.config.edit.items import is_reordered, matched, permutation
from daemon.config.edit.pieces import Entry, Lines, NotEditable, Piece, dash, has_comment
from daemon.config.edit.render import below, inline, is_inline, key, listed, mapping, same, scalar

COLON = re.compile(r"[ \t]*:")
PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+|$))+")
BLOCK_HEADER = re.compile(r"[|>][-+0-9]*(?P<comment>[ \t]+#[^\n\r]*)?")


class Splice(Struct, frozen=True):
    """``text`` takes the place of what is between ``start`` and ``end``."""

    start: int
    end: int
    text: str


class Slot(Struct, frozen=True):
    """A value and its surroundings: ``after`` is the place right behind its colon or dash, ``column``
    where the entries of the map or list that holds it begin."""

    piece: Piece
    after: int
    column: int
    flow: bool


class Plan:
    """``bare`` drops the anchors and tags of replaced values, which stay otherwise."""

    def __init__(self, lines: Lines, root: Piece, *, bare: bool) -> None:
        self.lines = lines
        self.text = lines.text
        self.splices: list[Splice] = []
        self.moves: list[Splice] = []
        """List items that change places. They go first and alone; then a new plan is made."""
        self._root = root
        self._bare = bare
        self._step, self._offset = indentation(lines, root)

    def change(self, slot: Slot, old: object, new: object) -> None:
        """Changes ``slot``, which reads as ``old``, to ``new``."""
        piece = slot.piece
        if same(old, new):
            return
        if piece.kind == "map" and isinstance(old, Mapping) and isinstance(new, Mapping):
            self._map(slot, old, new)
        elif piece.kind == "list" and isinstance(old, list) and isinstance(new, list):
            self._list(slot, old, new)
        else:
            self._replace(slot, new)

    def splice(self, start: int, end: int, text: str) -> None:
        self.splices.append(Splice(start, end, text))

    # Maps.

    def _map(self, slot: Slot, old: Mapping[str, object], new: Mapping[str, object]) -> None:
        written = {each.name: each for each in slot.piece.entries if not each.merges}
        if inherited := [name for name in old if name not in new and name not in written]:
            raise self._refusal(slot.piece, f"{len(inherited)} of its keys come from << and cannot be removed here")
        remaining = [each for each in slot.piece.entries if each.merges or each.name in new]
        added = {name: value for name, value in new.items() if name not in written and not _equal(old, name, value)}
        if not remaining and slot.piece.flow:
            self._replace(slot, new)
            return
        if not remaining and slot.piece is self._root:
            self._replace_all(added)
            return
        column = slot.piece.entries[0].start if slot.piece.entries else slot.piece.start
        inner = self.lines.column(column)
        for name, each in written.items():
            if name in new:
                self.change(self._slot(each, inner, slot.piece.flow), old[name], new[name])
        self._remove_entries(slot.piece, [each for each in slot.piece.entries if each not in remaining])
        if slot.piece.flow:
            self._add_inline(
                slot.piece, remaining, [f"{key(name, flow=True)}: {inline(v)}" for name, v in added.items()]
            )
        elif remaining:
            self._add_lines(remaining[-1].end, inner, mapping(added, step=self._step, offset=self._offset))
        else:
            self._fill(slot, dict(added))

    def _replace_all(self, added: Mapping[str, object]) -> None:
        """Nothing of the file's settings stays; its comments do."""
        first, *rest = self._root.entries
        written = mapping(added, step=self._step, offset=self._offset) or ["{}"]
        self.splice(first.start, self.lines.end(first.end), self.lines.eol.join(written))
        self._remove_entries(self._root, rest)

    def _slot(self, each: Entry, column: int, flow: bool) -> Slot:
        assert each.key is not None
        colon = COLON.match(self.text, each.key.end)
        if colon is None:
            raise self._refusal(each.key, "its key is written in a form that is not edited")
        return Slot(each.value, colon.end(), column, flow)

    def _remove_entries(self, piece: Piece, removed: Sequence[Entry]) -> None:
        if piece.flow:
            self._remove_inline(piece, removed)
            return
        for each in removed:
            if self.lines.opens(each.start):
                self.splice(*self.lines.whole(each.start, each.end), "")
            else:
                self._remove_beside_dash(piece, removed)

    def _remove_beside_dash(self, piece: Piece, removed: Sequence[Entry]) -> None:
        """The first key of ``- name: fox`` goes; the next one takes its place on the dash's line."""
        if len(piece.entries) > 1 and piece.entries[1] not in removed:
            first, second = piece.entries[:2]
            if not self.text[first.end : second.start].strip():
                self.splice(first.start, second.start, "")
                return
        raise self._refusal(piece, "the first key beside a dash cannot be removed")

    # Lists.

    def _list(self, slot: Slot, old: Sequence[object], new: Sequence[object]) -> None:
        piece = slot.piece
        pairs = matched(old, new)
        if is_reordered(pairs):
            self.moves.extend(Splice(*move) for move in permutation(self.lines, piece, pairs))
            return
        remaining = [piece.entries[place] for place in pairs if place is not None]
        if not remaining and piece.flow:
            self._replace(slot, list(new))
            return
        for value, place in zip(new, pairs, strict=True):
            if place is not None:
                item = piece.entries[place].value
                column = item.start if piece.flow else dash(self.lines, item)
                self.change(Slot(item, item.start, self.lines.column(column), piece.flow), old[place], value)
        removed = [each for number, each in enumerate(piece.entries) if number not in pairs]
        if piece.flow:
            self._remove_inline(piece, removed)
            self._add_items_inline(piece, pairs, new)
            return
        self._remove_items(removed)
        if remaining:
            self._add_items(piece, pairs, new)
        else:
            self._fill(slot, list(new))

    def _remove_items(self, removed: Iterable[Entry]) -> None:
        for each in removed:
            at = dash(self.lines, each.value)
            if not self.lines.opens(at):
                raise self._refusal(each.value, "a list inside a list is not edited")
            self.splice(*self.lines.whole(at, max(at, each.end)), "")

    def _add_items(self, piece: Piece, pairs: Sequence[int | None], new: Sequence[object]) -> None:
        first = next(place for place in pairs if place is not None)
        at = dash(self.lines, piece.entries[first].value)
        content, gap = piece.entries[first].start, 2
        if self.lines.number(at) == self.lines.number(content):
            gap = max(2, content - at)
        after: int | None = None
        for value, place in zip(new, pairs, strict=True):
            if place is not None:
                after = max(piece.entries[place].end, dash(self.lines, piece.entries[place].value) + 1)
                continue
            written = listed(value, step=self._step, offset=self._offset, gap=gap)
            if after is not None:
                self._add_lines(after, self.lines.column(at), written)
            else:
                prefix = self.text[self.lines.start(at) : at]
                block = "".join(f"{prefix}{line}{self.lines.eol}" for line in written)
                self.splice(self.lines.start(at), self.lines.start(at), block)

    def _add_items_inline(self, piece: Piece, pairs: Sequence[int | None], new: Sequence[object]) -> None:
        after: int | None = None
        first = next(place for place in pairs if place is not None)
        for value, place in zip(new, pairs, strict=True):
            if place is not None:
                after = piece.entries[place].end
            elif after is not None:
                self.splice(after, after, f", {inline(value)}")
            else:
                self.splice(piece.entries[first].start, piece.entries[first].start, f"{inline(value)}, ")

    # Both.

    def _add_lines(self, after: int, column: int, written: Sequence[str]) -> None:
        """New lines below the line of ``after``."""
        if written:
            at = self.lines.end(after)
            self.splice(at, at, "".join(f"{self.lines.eol}{' ' * column}{line}" for line in written))

    def _add_inline(self, piece: Piece, remaining: Sequence[Entry], written: Sequence[str]) -> None:
        if written:
            at = remaining[-1].end if remaining else piece.end - 1
            self.splice(at, at, (", " if remaining else "") + ", ".join(written))

    def _remove_inline(self, piece: Piece, removed: Sequence[Entry]) -> None:
        has_previous = False
        for number, each in enumerate(piece.entries):
            if each not in removed:
                has_previous = True
                continue
            if has_previous:
                start, end = piece.entries[number - 1].end, each.end
            else:
                start, end = each.start, piece.entries[number + 1].start
            if "#" in self.text[start : each.start] or "#" in self.text[each.end : end]:
                raise self._refusal(piece, "there is a comment between the entries in brackets")
            self.splice(start, end, "")

    def _fill(self, slot: Slot, value: object) -> None:
        """Text for a value whose lines have been removed."""
        if is_inline(value):
            self.splice(slot.after, slot.after, f" {inline(value)}")
        else:
            self._add_lines(slot.after, slot.column, below(value, step=self._step, offset=self._offset))

    def _replace(self, slot: Slot, new: object) -> None:
        """Another value altogether."""
        piece = slot.piece
        if piece.block:
            self._remove_all(piece)
            self._fill(slot, new)
            return
        if has_comment(self.text, piece):
            raise self._refusal(piece, "there is a comment inside the brackets")
        start = piece.start + self._properties(piece)
        if slot.flow or is_inline(new):
            self.splice(start, piece.end, self._inline(piece, new, slot, start))
        elif slot.after == piece.start and not piece.empty:  # beside a dash
            step, offset = self._step, self._offset
            written = mapping(new, step=step, offset=offset) if isinstance(new, Mapping) else []
            if not written or start != piece.start:
                raise self._refusal(piece, "an item in brackets or an alias is not turned into a list")
            indent = self.lines.eol + " " * self.lines.column(piece.start)
            self.splice(start, piece.end, indent.join(written))
        else:
            blanks = len(self.text[slot.after : start]) - len(self.text[slot.after : start].rstrip(" \t"))
            self.splice(start - blanks, piece.end, "")
            self._add_lines(max(slot.after, piece.end), slot.column, below(new, step=self._step, offset=self._offset))

    def _inline(self, piece: Piece, new: object, slot: Slot, start: int) -> str:
        style = piece.style if piece.kind == "scalar" else ""
        collection = isinstance(new, Mapping | list | tuple)
        written = inline(new) if collection else scalar(new, flow=slot.flow, style=style)
        if style in ("|", ">") and (header := BLOCK_HEADER.match(self.text, start)):
            written += header["comment"] or ""
        before = self.text[start - 1 : start]
        return written if before.isspace() or before in ("[", "{", "(") else f" {written}"

    def _properties(self, piece: Piece) -> int:
        match = None if self._bare else PROPERTIES.match(self.text, piece.start, piece.end)
        return len(match[0]) if match and piece.kind != "alias" else 0

    def _remove_all(self, piece: Piece) -> None:
        if piece.kind == "map":
            self._remove_entries(piece, piece.entries)
        else:
            self._remove_items(piece.entries)

    def _refusal(self, piece: Piece, message: str) -> NotEditable:
        return NotEditable(message, line=self.lines.number(piece.start) + 1)


def indentation(lines: Lines, root: Piece) -> tuple[int, int]:
    """How far this file indents a map below its key, and the dashes of a list."""
    steps: list[int] = []
    offsets: list[int] = []
    for parent, each in _nested(root):
        if each.value.block and each.value.entries:
            inner = each.value.entries[0].value
            at = each.value.entries[0].start if each.value.kind == "map" else dash(lines, inner)
            (steps if each.value.kind == "map" else offsets).append(lines.column(at) - lines.column(parent))
    step = next((each for each in steps if each > 0), 2)
    return step, next((each for each in offsets if each >= 0), step)


def _nested(piece: Piece) -> Iterable[tuple[int, Entry]]:
    """(where the key is, entry) of every map entry of the file."""
    for each in piece.entries:
        if each.key is not None:
            yield each.key.start, each
        yield from _nested(each.value)


def _equal(old: Mapping[str, object], name: str, value: object) -> bool:
    return name in old and same(old[name], value)
