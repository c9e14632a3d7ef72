"""Bad configurations, one mistake each: ``cases/*.bad.yaml`` with their diagnostics below a line of dashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.world import diagnostics_of, loaded

CASES = sorted((Path(__file__).parent / "cases").glob("*.bad.yaml"))
USABLE = {"unknown-keys", "warnings", "reference-unresolved", "key-list-references", "weak"}
"""They hold warnings only, or an error that fails one provider alone."""


def name_of(case: Path) -> str:
    return case.name.removesuffix(".bad.yaml")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_problem_is_reported_with_place_and_remedy(case: Path) -> None:
    text, _, expected = case.read_text().partition("----------\n")
    fragment = loaded(text)
    assert expected.splitlines() == diagnostics_of(fragment)
    assert (fragment.settings is not None) == (name_of(case) in USABLE)
    assert "planted" not in "".join(diagnostics_of(fragment)), "a diagnostic never quotes a key or a URL"


def test_there_are_enough_cases() -> None:
    """Forty is what was asked for; a case that loses its file is noticed."""
    assert len(CASES) >= 70


def test_ten_mistakes_are_reported_at_once() -> None:
    _, _, expected = (Path(__file__).parent / "cases" / "ten-at-once.bad.yaml").read_text().partition("----------\n")
    assert len(expected.splitlines()) >= 10
