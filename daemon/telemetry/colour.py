"""Whether text for a stream is coloured, and the colours. One answer for the log and all commands.

In this order, as Python itself decides: ``NO_COLOR`` (https://no-color.org) means no, ``FORCE_COLOR``
(https://force-color.org) yes unless it is ``0``, ``TERM=dumb`` no; else yes on a terminal. An empty variable is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TextIO

RED: Final = "31"
GREEN: Final = "32"
YELLOW: Final = "33"
DIM: Final = "2"
BOLD_RED: Final = "1;31"
"""SGR codes."""


def is_coloured(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether what is written to ``stream`` is in colour."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "") not in ("", "0"):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()


def painted(text: str, code: str | None) -> str:
    """``text`` in the colour ``code``; None = as it is."""
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def status_colour(status: str) -> str | None:
    """Of an HTTP status: green for an answer, yellow for a client's failure, red for any other."""
    return {"2": GREEN, "4": YELLOW, "5": RED}.get(status[:1])
