"""What the reader's terminal can show: colours, its width, and tables that fit into it.

Whether there are colours at all is decided by ``telemetry.colour``, as for the log.
"""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TextIO

from msgspec import Struct

from daemon.telemetry.colour import DIM, GREEN, RED, YELLOW, is_coloured, painted

BOLD: Final = "1"
CYAN: Final = "36"
_CODES: Final[Mapping[str, str]] = {
    "bold": BOLD,
    "dim": DIM,
    "red": RED,
    "green": GREEN,
    "yellow": YELLOW,
    "cyan": CYAN,
}
STATES: Final[Mapping[str, str]] = {
    "ok": "green",
    "ready": "green",
    "valid": "green",
    "warn": "yellow",
    "warning": "yellow",
    "cooling": "yellow",
    "degraded": "yellow",
    "fail": "red",
    "error": "red",
    "failed": "red",
    "not valid": "red",
    "disabled": "dim",
}
"""Which colour a state has, in every command."""
LEAST_WIDTH: Final = 40


class Terminal(Struct, frozen=True):
    """``width`` in columns; 0: not a terminal, lines are not broken."""

    colour: bool = False
    width: int = 0

    def paint(self, style: str, text: str) -> str:
        """``text`` in that colour; unknown and empty styles change nothing."""
        code = _CODES.get(style)
        return painted(text, code) if self.colour and text else text

    def state(self, state: str, text: str = "") -> str:
        """``text``, or the state itself, in the colour of the state."""
        return self.paint(STATES.get(state, ""), text or state)

    def wrapped(self, text: str, indent: str) -> list[str]:
        """Lines that fit; a word that is longer than a line (a URL) stays whole."""
        if not self.width or columns(indent + text) <= self.width:
            return [indent + text]
        width = max(self.width, LEAST_WIDTH)
        return textwrap.wrap(
            text,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def terminal(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """That of ``stream``. Without one, ``$COLUMNS`` still says how long lines may be."""
    is_terminal = stream.isatty()
    asked = environ.get("COLUMNS", "")
    width = shutil.get_terminal_size().columns if is_terminal or (asked.isdigit() and int(asked)) else 0
    return Terminal(is_coloured(stream, environ), width)


def columns(text: str) -> int:
    """How wide ``text`` is; Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> Iterator[list[str]]:
    """The cells of each row, padded to the widest of their column; the last one is left as it is."""
    widths = [max(columns(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows), default=0))]
    for row in rows:
        last = len(row) - 1
        yield [cell if at == last else padded(cell, widths[at]) + gap for at, cell in enumerate(row)]
