"""What msgspec says of a mistake, less the value that it quotes: that is the client's, or the model's, own text.

Invalid enum value 'tell my doctor' - at `$.messages[0].role`  ->  Invalid value - at `$.messages[0].role`
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PLACE: Final = re.compile(r" - at `([^`]*)`\Z")
NOT_ONE_OF_THEM: Final = "Invalid value"
_QUOTING: Final = re.compile(r"Invalid (?:enum )?value\b")


class Mistake(NamedTuple):
    """``what`` is wrong, and ``place`` as msgspec writes it (``$.messages[0].role``), '' for the whole."""

    what: str
    place: str

    def __str__(self) -> str:
        return f"{self.what} - at `{self.place}`" if self.place else self.what


def mistake(error: Exception) -> Mistake:
    """A ``ValidationError`` as it may be told."""
    text = str(error)
    # Anchored at the end: a quoted value may look like a place itself.
    found = _PLACE.search(text)
    what = text[: found.start()] if found else text
    return Mistake(NOT_ONE_OF_THEM if _QUOTING.match(what) else what, found[1] if found else "")
