"""A YAML text as a tree of pieces: where each key and each value begins and ends.

1. Offsets count characters of the decoded text; ``end`` of a block collection is the end of its last
   leaf, since what YAML calls its end runs over the comments that follow.
2. An alias is a piece of its own, not the piece that its anchor names.
3. Lines end as in YAML, also at NEL, LS and PS.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from daemon.config.document import Token

LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
BLANK = " \t"
KEEPS_LINES = re.compile(r"[|>][0-9]?\+")


class NotEditable(Exception):
    """The file cannot be changed as requested without touching something else. ``message`` names no
    value; ``line`` counts from 1, 0 = the file as a whole."""

    def __init__(self, message: str, hint: str = "edit the file by hand", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line


class Piece(Struct, frozen=True):
    """One value as written."""

    kind: Literal["scalar", "alias", "map", "list"]
    start: int
    end: int
    style: str = ""
    anchor: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def flow(self) -> bool:
        return bool(self.style) and self.kind in ("map", "list")

    @property
    def block(self) -> bool:
        """Whether the value spreads over lines of its own, below its key."""
        return self.kind in ("map", "list") and not self.style

    @property
    def empty(self) -> bool:
        """A value of no text at all."""
        return self.start == self.end


class Entry(Struct, frozen=True):
    """One entry of a map (``key`` is the piece of ``name``) or of a list (``key`` is None)."""

    value: Piece
    key: Piece | None = None
    name: str = ""

    @property
    def start(self) -> int:
        return (self.key or self.value).start

    @property
    def end(self) -> int:
        return max(self.value.end, self.key.end if self.key else 0)

    @property
    def merges(self) -> bool:
        """Whether this is ``<<: *base``."""
        return self.key is not None and not self.key.style and self.name == "<<"


def tree(text: str, tokens: Sequence[Token]) -> Piece:
    """The pieces of a document."""
    return _piece(text, iter(tokens))


def _piece(text: str, tokens: Iterator[Token]) -> Piece:
    return _of(text, next(tokens), tokens)


def _of(text: str, token: Token, tokens: Iterator[Token]) -> Piece:
    match token.kind:
        case "scalar":
            return Piece("scalar", token.start, _scalar_end(text, token), token.style, token.anchor)
        case "alias":
            return Piece("alias", token.start, token.end, anchor=token.anchor)
    assert token.kind in ("map", "list")
    entries: list[Entry] = []
    while (following := next(tokens)).kind != "end":
        if token.kind == "map":
            key = _of(text, following, tokens)
            entries.append(Entry(_piece(text, tokens), key, following.text))
        else:
            entries.append(Entry(_of(text, following, tokens)))
    end = following.end if token.style else max((entry.end for entry in entries), default=token.end)
    return Piece(token.kind, token.start, end, token.style, token.anchor, tuple(entries))


def _scalar_end(text: str, token: Token) -> int:
    """A block scalar's mark runs over the line ends after it, which are part of it only if it keeps them."""
    written = text[token.start : token.end]
    if token.style not in ("|", ">"):
        return token.end
    if KEEPS_LINES.search(LINE_END.split(written)[0]):
        last = LINE_END.match(written[::-1])
        return token.end - len(last[0]) if last else token.end
    return token.start + len(written.rstrip())


class Lines:
    """Where the lines of a text are. ``eol`` is the line end that most of them have."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = list(LINE_END.finditer(text))
        self._starts = [0, *(match.end() for match in ends)]
        self._ends = [*(match.start() for match in ends), len(text)]
        kinds = [match[0] for match in ends if match[0] in ("\n", "\r\n", "\r")]
        self.eol = max(("\n", "\r\n", "\r"), key=kinds.count)

    def number(self, at: int) -> int:
        """The line of an offset, from 0."""
        return bisect_right(self._starts, at) - 1

    def start(self, at: int) -> int:
        return self._starts[self.number(at)]

    def end(self, at: int) -> int:
        """Where the line's text ends, before its line end."""
        return self._ends[self.number(at)]

    def span(self, number: int) -> tuple[int, int] | None:
        """(start, end) of a line's text; None below the last line."""
        return (self._starts[number], self._ends[number]) if number < len(self._starts) else None

    def column(self, at: int) -> int:
        return at - self.start(at)

    def opens(self, at: int) -> bool:
        """Whether nothing but white space is before it on its line."""
        return not self.text[self.start(at) : at].strip(BLANK)

    def whole(self, start: int, end: int) -> tuple[int, int]:
        """The lines from that of ``start`` to that of ``end``, with the line end before them (or, at the
        top of the file, the one after them)."""
        first, last = self.number(start), self.number(end)
        if first:
            return self._ends[first - 1], self._ends[last]
        return 0, self._starts[last + 1] if last + 1 < len(self._starts) else self._ends[last]


def dash(lines: Lines, item: Piece) -> int:
    """Where the ``-`` of a block list's item is: on its line, or alone on a line above."""
    at = item.start
    before = lines.text[lines.start(at) : at].rstrip(BLANK)
    if before.endswith("-"):
        return lines.start(at) + len(before) - 1
    while not before.strip(BLANK) or before.lstrip(BLANK).startswith("#"):
        if lines.start(at) == 0:
            break
        at = lines.start(at) - 1
        before = lines.text[lines.start(at) : lines.end(at)]
        if match := re.fullmatch(r"([ \t]*)-[ \t]*(#.*)?", before):
            return lines.start(at) + len(match[1])
    raise NotEditable("the dash of a list item was not found", line=lines.number(item.start) + 1)


def has_comment(text: str, piece: Piece) -> bool:
    """Whether there is a comment between the parts of a collection."""
    at = piece.start
    for entry in piece.entries:
        if "#" in text[at : entry.start] or (entry.key and "#" in text[entry.key.end : entry.value.start]):
            return True
        if entry.value.entries and has_comment(text, entry.value):
            return True
        at = entry.end
    return "#" in text[at : piece.end] if piece.entries or piece.flow else False
