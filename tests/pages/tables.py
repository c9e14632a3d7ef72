"""The tables of a page, as rows of cells."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness import ROOT

Row = tuple[str, ...]


def rows(page: str, heading: str) -> list[Row]:
    """The rows of all tables below ``heading`` (to the next one) of ``page``, without their heads."""
    text = Path(ROOT, page).read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"^\|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", text, re.M)
    return [
        tuple(cell.strip() for cell in line.strip("|").split(" | ")) for each in tables for line in each.splitlines()
    ]


def quoted(cell: str) -> list[str]:
    """What stands in backticks."""
    return [double or single for double, single in re.findall(r"``(.+?)``|`([^`]+)`", cell)]
