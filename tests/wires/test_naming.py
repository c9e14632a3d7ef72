"""Names and ids fit the upstream's limits, always the same way, and never two as one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.wires.naming import fitted_id, shorten_id, shorten_names

LONG_MCP = "mcp__a_server_with_quite_a_long_name_of_its_own__and_group__" + "search_documents"


def test_an_id_that_fits_is_untouched() -> None:
    assert shorten_id("x" * 64) == "x" * 64


def test_a_long_id_keeps_its_head_and_gets_a_hash() -> None:
    identifier = "toolu_" + "a" * 80
    short = shorten_id(identifier)
    assert re.fullmatch(re.escape(identifier[:47]) + "_[0-9a-f]{16}", short)
    assert short == shorten_id(identifier) != shorten_id(identifier + "b")


def test_a_limit_may_be_given() -> None:
    assert len(shorten_id("y" * 100, limit=40)) == 40


@pytest.mark.parametrize(
    ("expected", "names"),
    [
        ({}, []),
        ({}, ["Bash", "mcp__files__read", "x" * 64]),
        ({LONG_MCP: "mcp__search_documents"}, [LONG_MCP, "Read"]),
        ({"n" * 70: "n" * 64}, ["n" * 70]),
        ({"mcp__s__" + "t" * 70: "mcp__s__" + "t" * 56}, ["mcp__s__" + "t" * 70]),
        ({"n" * 70: "n" * 64, "n" * 71: "n" * 62 + "_1"}, ["n" * 70, "n" * 71]),
        ({LONG_MCP: "mcp__search_documents_1"}, ["mcp__search_documents", LONG_MCP]),
        ({"files.read": "files_read"}, ["files.read"]),
        ({"": "_"}, [""]),
    ],
)
def test_names_are_shortened(expected: dict[str, str], names: list[str]) -> None:
    assert shorten_names(names) == expected


@given(st.lists(st.one_of(st.text(max_size=80), st.text("ab_", min_size=60, max_size=70)), max_size=12))
def test_every_name_fits_and_stays_its_own(names: list[str]) -> None:
    changed = shorten_names(names)
    sent = [changed.get(name, name) for name in dict.fromkeys(names)]
    assert len(set(sent)) == len(sent)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in sent)


@pytest.mark.parametrize(
    ("identifier", "form", "fitted"),
    [
        ("aB3dE6gH9", "length of 9", "aB3dE6gH9"),
        ("aB3dE6gH9", "a-z, A-Z, 0-9, with a length of 9", "aB3dE6gH9"),
        ("toolu_01A", "length of 9", "7kqYnOZ3d"),
        ("toolu_01A", "a-z, A-Z, 0-9, with a length of 9", "7kqYnOZ3d"),
        ("x" * 40, "maximum length 40", "x" * 40),
        ("x" * 41, "maximum length 40", shorten_id("x" * 41, 40)),
        ("call-1_a", "^[a-zA-Z0-9_-]+$", "call-1_a"),
        ("call_1", "call_", "call_1"),
    ],
)
def test_an_id_has_the_form_that_a_server_wants(identifier: str, form: str, fitted: str) -> None:
    assert fitted_id(identifier, form) == fitted
    assert fitted_id(fitted, form) == fitted


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("length of 9", r"[a-zA-Z0-9]{9}"),
        ("at most 64", r".{1,64}"),
        ("^[a-zA-Z0-9_-]+$", r"[a-zA-Z0-9_-]+"),
        ("letters, numbers, underscores", r"[a-zA-Z0-9_-]+"),
        ("call_", r"call_[a-zA-Z0-9]+"),
    ],
)
def test_ids_that_differ_stay_different(form: str, pattern: str) -> None:
    ids = ["a:b", "a.b", "a b", "a_b", "é", "x" * 90, "x" * 91, "Bash:0", "Bash:1", "\ud800"]
    fitted = [fitted_id(each, form) for each in ids]
    assert len(set(fitted)) == len(ids)
    assert all(re.fullmatch(pattern, each) for each in fitted)
