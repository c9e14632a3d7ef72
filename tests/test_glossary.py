"""Names of classes and modules, and the pages, use the words of docs/glossary.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = (ROOT / "docs/glossary.md").read_text("utf-8")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config.yaml")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
GENERATED = re.compile(r"<!-- generated: [a-z-]+ -->.*?<!-- end -->", re.S)
ODD = re.compile(r"\b(?:tells?|told|telling|mend(?:s|ed|ing)?|heals?|healed|wish(?:es|ed)?)\b", re.I)
"""Words that pages have no use for; what to say instead is in the glossary."""

BANNED = {
    "approve": "policy",
    "conversation": "request handler",
    "door": "endpoint, or headers",
    "doors": "endpoint, or headers",
    "exchange": "request state",
    "finding": "diagnosis, diagnostic or fault",
    "findings": "diagnosis, diagnostic or fault",
    "inbound": "client request",
    "mend": "fix",
    "outer": "ambient settings",
    "reach": "allowed networks",
    "reaches": "egress policy",
    "sweep": "deadlines, or clean up",
    "tell": "report",
    "telling": "reporter",
    "tells": "report",
    "told": "report, or what it is",
    "wish": "edit",
}
"""A word that is no part of a public name -> what to say instead."""

BANNED_ALONE = {
    "account": "request record",
    "answer_head": "response head",
    "channel": "client stream",
    "origins": "reasoning owners",
    "relay": "response pipe",
    "replay": "reasoning filter",
    "sealing": "reasoning signatures",
    "spliced": "rewritten body",
} | dict.fromkeys(("asked", "found", "given", "held", "kept", "said", "unkept", "wanted"), "the thing itself")
"""A name that is this and nothing more -> what to say instead. Participles are fine beside a noun: ``HeldThinking``."""


def public_names() -> dict[str, str]:
    """Every module and public class of the daemon by its dotted name below ``daemon`` -> the last part in snake case.

    The simulator plays an upstream and its client, and has words of its own.
    """
    names: dict[str, str] = {}
    for path in sorted((ROOT / "daemon").rglob("*.py")):
        parts = path.relative_to(ROOT / "daemon").with_suffix("").parts
        if parts[0] == "simulate":
            continue
        module = ".".join(parts).removesuffix(".__init__")
        names[module] = module.rpartition(".")[2]
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names[f"{module}.{node.name}"] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower()
    return names


def test_no_public_name_uses_a_word_that_the_glossary_has_another_one_for() -> None:
    wrong = {
        name for name, words in public_names().items() if set(words.split("_")) & BANNED.keys() or words in BANNED_ALONE
    }
    assert wrong == set(), "see docs/glossary.md for the word to use"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "glossary.md"], ids=lambda page: page.name)
def test_pages_use_plain_words(page: Path) -> None:
    """Generated parts are the texts of the code."""
    assert ODD.findall(GENERATED.sub("", page.read_text("utf-8"))) == []


def test_no_word_has_two_rows() -> None:
    """The verbs are listed once more, for sentences."""
    words = re.findall(r"^\| ([a-z][^|]*) \|", GLOSSARY.partition("## Verbs")[0], re.M)
    defined = [word for word in words if word != "word"]
    assert len(defined) == len(set(defined)) > 40
