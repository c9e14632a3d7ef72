"""The Chinese pages stand beside the English ones, and every link of a page leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ZH = ROOT / "docs/zh"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
ENGLISH = {
    "packycode": "how-to/packycode",
    "tppc": "how-to/tppc",
    "import-codex-cli": "how-to/import-codex-cli",
    "disable-and-recover": "how-to/disable-and-recover",
    "troubleshooting": "how-to/troubleshooting",
    "management-api": "reference/management-api",
    "deployment": "deployment",
}


def heading_ids(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_its_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in heading_ids(target), link


@pytest.mark.parametrize("name", ENGLISH)
def test_a_chinese_page_has_an_english_one_and_is_listed(name: str) -> None:
    assert (ROOT / f"docs/{ENGLISH[name]}.md").exists()
    assert f"({name}.md)" in (ZH / "index.md").read_text("utf-8")


def test_every_chinese_page_is_known_here() -> None:
    assert {page.stem for page in ZH.glob("*.md")} == {*ENGLISH, "index"}


SAME_TABLES = "packycode", "import-codex-cli", "disable-and-recover", "troubleshooting", "deployment"


@pytest.mark.parametrize("name", SAME_TABLES)
def test_both_languages_name_the_same_keys_routes_and_statuses(name: str) -> None:
    """The first column of every table, as far as it is code or a number."""

    def rows(page: Path) -> list[str]:
        first = re.findall(r"^\| ([^|]+) \|", page.read_text("utf-8"), re.M)
        return [code for cell in first for code in re.findall(r"`[^`]+`|\b\d{3}\b", cell)]

    assert rows(ZH / f"{name}.md") == rows(ROOT / f"docs/{ENGLISH[name]}.md")
