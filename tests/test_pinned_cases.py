"""Every pinned case that was asked for has a test that is there, or a line that says why it has none."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.pinned_cases import ASKED_FOR, HELD, NOT_HERE

TESTS = Path(__file__).parent
DECISION = TESTS.parent / "docs" / "decisions" / "0003-pinned-cases.md"


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_each_case_is_held_or_not_here() -> None:
    assert HELD.keys() | NOT_HERE == ASKED_FOR
    assert not HELD.keys() & NOT_HERE


@pytest.mark.parametrize("case", HELD)
def test_what_holds_a_case_is_there(case: int) -> None:
    missing = [name for name in HELD[case] if name.rpartition("::")[2] not in functions(name.rpartition("::")[0])]
    assert missing == []


def test_what_is_not_here_is_explained() -> None:
    explained = {
        int(number)
        for numbers in re.findall(r"\(([\d, ]+)\)", DECISION.read_text("utf-8"))
        for number in numbers.split(",")
    }
    assert explained >= NOT_HERE
