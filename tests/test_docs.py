"""The pages stay true: listed parts match the code, and every YAML block is a configuration that loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config.document import parse
from daemon.config.load import load
from docs import generate

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
YAML = re.compile(r"^```yaml\n(.*?)^```", re.S | re.M)
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(YAML.findall(page.read_text("utf-8")))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_listed_in_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == generate.regenerated(page), "run: make docs"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_yaml_block_loads_without_a_complaint(block: str) -> None:
    fragment = load(parse(block.encode()), resolve=lambda reference: f"resolved-{reference}")
    assert fragment.diagnostics == ()
