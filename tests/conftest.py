"""Upstreams for the whole run: starting one per test would be most of a test's time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import harness
from tests.pinned_cases import HELD

settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """The suite draws the same examples each time, so that it passes or fails for a change and not by luck; the
    long campaigns draw new ones. A clock judges neither."""
    settings.load_profile("soak" if config.getoption("markexpr") == "soak" else "suite")


@pytest.fixture(scope="session")
def _first() -> Iterator[harness.Simulator]:
    with harness.simulator() as running:
        yield running


@pytest.fixture(scope="session")
def _second() -> Iterator[harness.Simulator]:
    with harness.simulator() as running:
        yield running


@pytest.fixture
def upstream(_first: harness.Simulator) -> harness.Simulator:
    """A simulator that has seen nothing yet."""
    _first.reset()
    return _first


@pytest.fixture
def other_upstream(_second: harness.Simulator) -> harness.Simulator:
    """Another one."""
    _second.reset()
    return _second


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """``-k case_167`` finds the tests of a pinned case."""
    cases: dict[str, list[str]] = {f"tests/{name}": [] for names in HELD.values() for name in names}
    for case, names in HELD.items():
        for name in names:
            cases[f"tests/{name}"].append(f"case_{case}")
    for item in items:
        item.extra_keyword_matches.update(cases.get(item.nodeid.partition("[")[0], ()))
