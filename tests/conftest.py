"""Upstreams for the whole run: starting one per test would be most of a test's time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import harness


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
