"""Writers that pause: no half of what they write is ever published. ``make soak`` takes 200 saves."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from tests.sources.observed import observed

SOAK = int(os.environ.get("TPPCD_SOAK", "200"))
FILES = 10


def text_of(save: int) -> str:
    """Each line is a configuration by itself, so every cut at a line is a valid prefix."""
    return "".join(f"key-{line}: save {save}\n" for line in range(8))


def save_slowly(path: Path, save: int, longest: float) -> None:
    dice = random.Random(f"{path.parent.name} {save}")
    lines = text_of(save).splitlines(keepends=True)
    with path.open(dice.choice(("w", "r+")), buffering=1) as file:
        for line in lines:
            if dice.random() < 0.3:
                time.sleep(dice.uniform(0, longest))
            file.write(line)
        file.truncate()


async def campaign(path: Path, saves: int, longest: float) -> None:
    path.parent.mkdir()
    path.write_text(text_of(0))
    async with observed(path) as seen:
        for save in range(1, saves + 1):
            await asyncio.to_thread(save_slowly, path, save, longest)
            await seen.until(text_of(save))
    assert seen.contents == [text_of(save) for save in range(1, saves + 1)]


async def campaigns(directory: Path, saves: int, longest: float) -> None:
    """Several files at once, each with a directory and a source of its own."""
    each = -(-saves // FILES)
    paths = [directory / str(number) / "etc" / "config.yaml" for number in range(FILES)]
    for path in paths:
        path.parent.parent.mkdir()
    await asyncio.gather(*(campaign(path, each, longest) for path in paths))


@pytest.mark.asyncio
async def test_ten_slow_saves(tmp_path: Path) -> None:
    await campaigns(tmp_path, 10, longest=0.4)


@pytest.mark.soak
@pytest.mark.asyncio
async def test_many_slow_saves(tmp_path: Path) -> None:
    await campaigns(tmp_path, SOAK, longest=1.2)
