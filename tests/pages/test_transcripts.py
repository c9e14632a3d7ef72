"""What README shows of a terminal is what a terminal shows.

A ``console`` block has commands behind ``$ `` and, below each, lines of what it prints and of what the daemon logs
meanwhile, without their time. Each shown line is there in this order, numbers aside; others may be between.

``UPDATE_TRANSCRIPTS=1`` writes each line as it is today, after a change of its words.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.harness import ROOT, Simulator, wait_for
from tests.pages.blocks import Block, blocks
from tests.pages.walk import Walk, walk

UPDATE = os.environ.get("UPDATE_TRANSCRIPTS", "") not in ("", "0")
PAGES = "README.md", "README_CN.md"
"""The second has the blocks of the first (``tests/test_docs_languages.py``), so these are played once."""
BLOCKS = [pytest.param(block, id=str(block.line)) for block in blocks(PAGES[0], "console")]
WIDTH = 112
CONFIG = """\
tppc:
  providers:
    - name: fox
      enabled: true
      base-url: http://127.0.0.1:18317/v1
      api-key: "sk-fox-0123456789"
      priority: 1
    - name: wolf          # the spare one
      enabled: true
      base-url: OTHER/v1
      api-key: 'sk-wolf-0123456789'
remote-management:
  secret-key: management-key
"""
TIME = re.compile(r"^[\d-]+ [\d:.]+ ", re.M)


class Step(NamedTuple):
    """A command, and the lines that are shown below it."""

    command: str
    shown: list[str]


def steps(block: Block) -> list[Step]:
    parts = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M)
    return [Step(command, lines.splitlines()) for command, lines in parts]


def constant(line: str) -> str:
    """Without what differs from run to run: numbers, ids, how wide a column is."""
    return re.sub(r"\s+", " ", re.sub(r"\b[0-9a-f]*\d[0-9a-f]*\b", "0", line)).strip()


@pytest.fixture(scope="module")
def reader(_second: Simulator) -> Iterator[Walk]:
    with walk() as walking:
        walking.config.chmod(0o600)
        walking.type(".venv/bin/tppcd simulate")
        walking.config.write_text(walking.here(CONFIG).replace("OTHER", _second.url))
        walking.type("make run")
        yield walking


@pytest.fixture(autouse=True)
def start(reader: Walk, _second: Simulator) -> None:
    """Each block begins with the same file, and no fault."""
    reader.config.write_text(reader.here(CONFIG).replace("OTHER", _second.url))
    reader.reload()
    reader.running["18317"].post("/_simulate", {"always": [], "reset": True}).raise_for_status()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_terminal_shows_what_the_page_shows(reader: Walk, block: Block) -> None:
    for step in steps(block):
        seen = play(reader, step.command)
        if UPDATE:
            update(reader, step, seen)
        else:
            check(step.shown, seen)


def play(reader: Walk, command: str) -> Callable[[], list[str]]:
    """Types it; gives what is printed and logged, up to the moment when it is asked for."""
    printed, logged = "", len(reader.log)
    if command.startswith("make run"):
        reader.type(command)
        logged = 0
    else:
        printed = reader.shell(reader.here(command)).stdout
    return lambda: [*printed.splitlines(), *TIME.sub("", reader.log[logged:]).splitlines()]


def check(shown: list[str], seen: Callable[[], list[str]]) -> None:
    with suppress(AssertionError):
        wait_for(lambda: missing(shown, seen()) is None, "the lines of the page", seconds=10)
    assert missing(shown, seen()) is None, "\n".join(seen())


def missing(shown: list[str], seen: list[str]) -> str | None:
    """The first line of ``shown`` that is not in ``seen`` behind the ones before it."""
    rest = iter(map(constant, seen))
    return next((line for line in shown if not any(same(constant(line), each) for each in rest)), None)


def same(shown: str, line: str) -> bool:
    """A shown line that ends with `` …`` is cut."""
    return line.startswith(shown[:-1].rstrip()) if shown.endswith(" …") else line == shown


def update(reader: Walk, step: Step, seen: Callable[[], list[str]]) -> None:
    """Puts today's lines into the pages: for each that it shows, the one that is most like it."""
    time.sleep(2)  # whatever is logged has been logged
    today = [reader.there(line) for line in seen()]
    lines = [cut(most_like(line, today)) for line in step.shown]
    old = "\n".join(["$ " + step.command, *step.shown, ""])
    for page in (Path(ROOT, name) for name in PAGES):
        text = page.read_text("utf-8")
        assert text.count(old) == 1, old
        page.write_text(text.replace(old, "\n".join(["$ " + step.command, *lines, ""])), "utf-8")


def most_like(shown: str, today: list[str]) -> str:
    """Takes it out of ``today``, so that it is shown once. It has the same level."""
    level = shown.partition(" ")[0]
    same_level = [line for line in today if line.partition(" ")[0] == level]
    best = difflib.get_close_matches(shown, same_level or today, n=1, cutoff=0)[0]
    today.remove(best)
    return best


def cut(line: str) -> str:
    """A line that fits onto the page."""
    return line if len(line) <= WIDTH else line[:WIDTH].rpartition(" ")[0] + " …"
