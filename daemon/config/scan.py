"""The event scan: the limits that a YAML text must keep before the C composer reads it.

PyYAML's composer recurses in C (30 kB of ``[`` kill the process) and an alias bomb of a few lines
expands to gigabytes, so limits are checked on the flat event stream first, which is iterative.
Custom tags, undefined and self-referring aliases and a second document are refused here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
)

from daemon.config.lookalikes import Place, cause_near

MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 2_000_000

STANDARD_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
)


class ScanError(Exception):
    """The text is refused; ``place`` is (line, column) from 1. Never quotes the text: it may hold a key."""

    def __init__(self, code: str, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.hint = hint


def scan(text: str, keep: Callable[[Event], None] | None = None) -> None:
    """Raise ``ScanError`` if the text is not YAML or breaks a limit, ``yaml.YAMLError`` if it is not text.
    ``keep`` gets each event that has passed."""
    scanned = Scan(keep)
    try:
        scanned.run(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise syntax(error, next(filter(None, reversed(scanned.brackets)), None), text) from None


def syntax(error: yaml.MarkedYAMLError, bracket: Place | None, text: str = "") -> ScanError:
    """PyYAML's words without its snippet, which may hold a key. ``bracket`` is the innermost one that is open, ``text``
    the whole, where a character may only look like YAML's own."""
    problem = str(error.problem or error.context or "syntax error")
    seen = error.problem_mark or error.context_mark
    place = (seen.line + 1, seen.column + 1) if seen else (1, 1)
    hint = SYNTAX_HINTS.get(problem, "check the quotes, brackets and indentation here and in the line above")
    if problem in SEEN_TOO_LATE and error.context_mark:
        place = (error.context_mark.line + 1, error.context_mark.column + 1)
    elif problem in BRACKET_OPEN and bracket and bracket[0] < place[0]:
        place, hint = bracket, "this bracket is not closed, or a comma is missing inside it"
    if cause := cause_near(text, place[0]):
        place, hint = cause
    context = f" {error.context}" if error.context and error.problem else ""
    return ScanError("yaml-syntax", f"not valid YAML: {problem}{context}", place, hint)


SEEN_TOO_LATE = ("found unexpected end of stream", "could not find expected ':'")
"""Problems that show only later in the file: the place where the construct began is the useful one."""

BRACKET_OPEN = (
    "did not find expected node content",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
)
"""What an open bracket runs into on a later line; on its own line the place of the problem says more."""

SYNTAX_HINTS = {
    "found character that cannot start any token": "indent with spaces, not tabs; quote text that begins with @ or `",
    "mapping values are not allowed in this context": (
        "check the indentation, look for a colon missing in the line above, quote text that contains ': '"
    ),
    "did not find expected key": "check the indentation and the quotes of the lines above",
    "could not find expected ':'": "a key needs a colon and a space after it",
    "found a tab character that violates indentation": "indent with spaces, not tabs",
    "did not find expected <document start>": "write key: value; what stands above this line ended the file",
    "did not find expected '-' indicator": "align the list items",
    "found unexpected end of stream": "a quote or bracket is not closed",
    "found unknown escape character": "write a backslash twice, or use single quotes",
}


class Scan:
    """Counts nodes as if every alias were written out, so that a bomb is seen by arithmetic."""

    def __init__(self, keep: Callable[[Event], None] | None = None) -> None:
        self.keep = keep
        self.aliases = 0
        self.documents = 0
        self.sizes: dict[str, int] = {}
        """anchor -> nodes below it, written out."""
        self.open: list[tuple[str | None, int]] = []
        """(anchor, nodes so far) of each open collection."""
        self.brackets: list[Place | None] = []
        """Where each open collection began, if with a bracket."""

    def run(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, NodeEvent):
                self.node(event)
            elif isinstance(event, CollectionEndEvent):
                anchor, size = self.open.pop()
                self.brackets.pop()
                self.closed(anchor, size, event)
            elif isinstance(event, DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    raise ScanError("yaml-documents", "a second document begins here", _place(event), "remove the ---")
            if self.keep is not None:
                self.keep(event)

    def node(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent):
            self.closed(None, self.alias(event), event)
            return
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!" and tag not in STANDARD_TAGS:
            hint = "put text that begins with ! in quotes"
            raise ScanError("yaml-tag", "custom YAML tags are not supported", _place(event), hint)
        if isinstance(event, ScalarEvent):
            self.closed(event.anchor, 1, event)
        elif isinstance(event, CollectionStartEvent):
            self.open.append((event.anchor, 1))
            self.brackets.append(_place(event) if event.flow_style else None)
            if len(self.open) > MAX_DEPTH:
                raise ScanError("yaml-depth", f"nested more than {MAX_DEPTH} levels deep", _place(event), "flatten it")

    def alias(self, event: AliasEvent) -> int:
        """The size of what the alias stands for."""
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            message = f"more than {MAX_ALIASES} YAML aliases"
            raise ScanError("yaml-aliases", message, _place(event), "write the values out")
        if any(anchor == event.anchor for anchor, _ in self.open):
            raise ScanError("yaml-alias", "a YAML alias that contains itself", _place(event), "write the value out")
        size = self.sizes.get(event.anchor or "")
        if size is None:
            hint = "put text that begins with * in quotes"
            raise ScanError("yaml-alias", "a YAML alias without an anchor", _place(event), hint)
        return size

    def closed(self, anchor: str | None, size: int, event: Event) -> None:
        if anchor is not None:
            self.sizes[anchor] = size
        if self.open:
            parent, sum_so_far = self.open[-1]
            size += sum_so_far
            self.open[-1] = (parent, size)
        if size > MAX_NODES:
            message = f"more than {MAX_NODES} values, with aliases written out"
            raise ScanError("yaml-size", message, _place(event), "split or shorten it")


def _place(event: Event) -> Place:
    mark = event.start_mark
    assert mark is not None  # None only for events made by hand
    return mark.line + 1, mark.column + 1
