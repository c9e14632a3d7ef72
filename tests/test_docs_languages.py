"""The Chinese pages stand beside the English ones, and every link of a page leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.blocks import FENCE, blocks

ROOT = Path(__file__).resolve().parents[1]
ZH = ROOT / "docs/zh"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HOW_TO = (
    *("aider", "claude-code", "codex-cli", "disable-and-recover", "docker", "edit-safely", "import-codex-cli"),
    *("install", "monitoring", "opencode", "packycode", "packycode-to-tppc", "several-providers", "systemd", "tppc"),
    *("troubleshooting", "upgrade"),
)
ENGLISH = {name: f"docs/how-to/{name}.md" for name in HOW_TO} | {
    "deployment": "docs/deployment.md",
    "logs": "docs/reference/logs.md",
    "management-api": "docs/reference/management-api.md",
    "tutorial": "docs/tutorial.md",
}
"""A page of docs/zh -> its twin."""
TWINS = {f"docs/zh/{name}.md": english for name, english in ENGLISH.items()} | {"README_CN.md": "README.md"}
ONLY_ENGLISH = "apiVersion:"
"""How the manifest for Kubernetes begins; the Chinese page links to it."""
NOT_IN_CHINESE = re.compile("服务商|提供方|回答|监视")
"""What to say instead is in the glossary."""


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
    assert (ROOT / ENGLISH[name]).exists()
    assert f"({name}.md)" in (ZH / "index.md").read_text("utf-8")


def test_every_chinese_page_is_known_here() -> None:
    assert {page.stem for page in ZH.glob("*.md")} == {*ENGLISH, "index"}


@pytest.mark.parametrize("page", TWINS)
def test_twins_have_the_same_sections_and_tables(page: str) -> None:
    """Levels of headings, rows of tables, and of these the first column, as far as it is code or a number."""

    def shape(name: str) -> list[tuple[str, ...]]:
        lines = FENCE.sub("", (ROOT / name).read_text("utf-8")).splitlines()
        return [parts(line) for line in lines if re.match(r"#+ |\| ", line)]

    def parts(line: str) -> tuple[str, ...]:
        if line.startswith("#"):
            return (line.partition(" ")[0],)
        return (str(line.count(" | ")), *re.findall(r"`[^`]+`|\b\d{3}\b", line.split(" | ")[0]))

    assert shape(page) == shape(TWINS[page])


@pytest.mark.parametrize("page", TWINS)
def test_twins_have_the_same_blocks(page: str) -> None:
    """So the tests that run the English ones hold for both. Comments, and what a drawing says, are translated."""

    def code(name: str) -> list[tuple[str, str]]:
        found = [(block.lang, re.sub(r"\s+#.*|\n[│└].*", "", block.text)) for block in blocks(name)]
        return [each for each in found if not each[1].startswith(ONLY_ENGLISH)]

    assert code(page) == code(TWINS[page])


@pytest.mark.parametrize("page", [*TWINS, "docs/zh/index.md"])
def test_chinese_pages_use_the_words_of_the_glossary(page: str) -> None:
    assert NOT_IN_CHINESE.findall((ROOT / page).read_text("utf-8")) == []


@pytest.mark.parametrize("page", [*TWINS, "docs/zh/index.md"])
def test_chinese_pages_lead_to_chinese_ones(page: str) -> None:
    """Where there is one. What only the English page has is reached by its heading."""
    here = ROOT / page
    linked = {(here.parent / link).resolve() for link in LINK.findall(here.read_text("utf-8")) if "://" not in link}
    assert linked & {ROOT / english for english in ENGLISH.values()} == set()
