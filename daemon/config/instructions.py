"""The value of ``instructions``: in which role system text goes upstream, or a fixed text for ``instructions``.

Some Codex relays take a request only with the prompt of Codex in ``instructions`` ("Instructions are not
valid": 88code, foxcode; claude-code-hub#26, 2025). The text is the user's and comes by a reference; it prints
as the reference, so no summary, log or view can show it.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from daemon.secret import Secret

Source = Literal["developer", "system", "file"]

ROLES: Final[dict[str, Source]] = {"developer": "developer", "system": "system"}
MOST_BYTES: Final = 64 * 1024
"""As long as a referenced file may be."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no prompt holds; tabs and line breaks of any system are fine."""


class Instructions:
    """Two are equal if they send the same, whichever reference the text came by. Never changed once made."""

    __slots__ = ("_source", "_text", "_written")

    def __init__(self, source: Source = "developer", *, text: str = "", written: str = "") -> None:
        self._source: Source = source
        self._text = Secret(text)
        self._written = written or source

    @property
    def source(self) -> Source:
        """``developer`` or ``system``: the role. ``file``: a fixed text, by whichever kind of reference."""
        return self._source

    @property
    def text(self) -> Secret:
        """The fixed text; empty for a role."""
        return self._text

    @property
    def written(self) -> str:
        """The value in config.yaml: the role, or the reference."""
        return self._written

    @property
    def identity(self) -> str:
        """For comparing and for the revision: the text enters by its digest."""
        return f"file:{self._text.digest.hex()}" if self._source == "file" else self._source

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instructions) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __str__(self) -> str:
        return self._written

    def __repr__(self) -> str:
        return f"Instructions({self._written})"


def text_fault(text: str) -> tuple[str, str]:
    """What is wrong with a fixed text, and what to do; empty where nothing is."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # a variable of the environment that is not UTF-8
        return "is not UTF-8 text", "save the text as UTF-8"
    if not text.strip():
        return "is an empty text", "put the text there, or write developer or system"
    if size > MOST_BYTES:
        return f"is a text of more than {MOST_BYTES // 1024} KiB", "shorten it"
    if CONTROL.search(text):
        return "contains a control character", "remove it; line breaks and tabs are fine"
    return "", ""
