"""The fenced blocks of a page, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.harness import ROOT

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.S | re.M)


class Block(NamedTuple):
    """``lang`` is what stands behind the fence, if anything, ``line`` where the text begins on its page, from 1."""

    lang: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, each with what continues it; blank lines and comments are left out."""
        joined = re.findall(r"(?:[^\n]*\\\n)*[^\n]*\n", self.text)
        return [line.rstrip("\n") for line in joined if line.strip() and not line.startswith("#")]


def blocks(page: str, *langs: str) -> list[Block]:
    """Those of ``page``, a path below the repository; with ``langs`` only those."""
    text = Path(ROOT, page).read_text("utf-8")
    found = (Block(each[1], each[2], text.count("\n", 0, each.start(2)) + 1) for each in FENCE.finditer(text))
    return [block for block in found if not langs or block.lang in langs]
