"""What scripts, dashboards and clients build on only ever grows: no entry of ``surface.json`` goes or changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.surface import COLLECTORS, Surface, collected

STORED = Path(__file__).with_name("surface.json")
UPDATE = "UPDATE_SURFACE"


def stored() -> Surface:
    surface: Surface = json.loads(STORED.read_text("utf-8"))
    return surface


@pytest.fixture(scope="module")
def now() -> Surface:
    surface = collected()
    if UPDATE in os.environ:
        kept = stored() if STORED.exists() else {}
        grown = {name: sorted({*kept.get(name, ()), *entries}) for name, entries in surface.items()}
        STORED.write_text(json.dumps(grown, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return surface


@pytest.mark.parametrize("kind", COLLECTORS)
def test_nothing_goes_and_nothing_changes(kind: str, now: Surface) -> None:
    gone = set(stored()[kind]) - set(now[kind])
    assert not gone, f"{kind}: others build on these; what is renamed has to be kept under its old name"


@pytest.mark.parametrize("kind", COLLECTORS)
def test_what_is_added_is_added_deliberately(kind: str, now: Surface) -> None:
    new = set(now[kind]) - set(stored()[kind])
    assert not new, f"{kind}: add it by {UPDATE}=1"


def test_every_kind_of_surface_is_stored() -> None:
    assert set(stored()) == set(COLLECTORS)
    assert all(stored().values())
