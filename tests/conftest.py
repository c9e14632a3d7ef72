"""Upstreams for the whole run: starting one per test would be most of a test's time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import harness
from tests.pinned_cases import HELD

NOT_FAST = (
    *("tests/e2e/", "tests/service/", "tests/sources/", "tests/reload/", "tests/systemd_box/", "tests/test_systemd.py"),
    *("tests/upstream/", "tests/cli/", "tests/simulate/", "tests/telemetry/", "tests/packaging/"),
    *("tests/api/management/", "tests/test_watchdog.py", "tests/model/"),
    *("tests/api/test_bodies.py", "tests/test_management_samples.py"),
    *("tests/config/test_random_edits.py", "tests/config/test_edit.py"),
    *("tests/gateway/test_collected.py", "tests/gateway/test_count_tokens.py", "tests/gateway/test_counting.py"),
    *("tests/test_architecture.py", "tests/test_house.py", "tests/test_surface.py"),
    *("tests/wires/test_fuzz.py", "tests/wires/test_noise.py", "tests/wires/test_pairs.py"),
    *("tests/wires/test_properties.py", "tests/wires/openai_responses/test_recordings.py"),
)
"""Not marked ``fast``: what starts processes, listens, waits, or takes long for another reason."""

settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None)
settings.register_profile("fast", deadline=None, derandomize=True, max_examples=10)


def pytest_configure(config: pytest.Config) -> None:
    """The suite draws the same examples each time, so that it passes or fails for a change and not by luck; the
    long campaigns draw new ones. A clock judges neither."""
    chosen = config.getoption("markexpr")
    settings.load_profile(chosen if chosen in ("soak", "fast") else "suite")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``-m fast`` does not even import the others."""
    name = f"{collection_path.relative_to(harness.ROOT).as_posix()}/"
    return True if config.getoption("markexpr") == "fast" and name.startswith(NOT_FAST) else None


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
    """``-k case_167`` finds the tests of a pinned case, ``-m fast`` the quick ones."""
    _name_apart(items)
    cases: dict[str, list[str]] = {f"tests/{name}": [] for names in HELD.values() for name in names}
    for case, names in HELD.items():
        for name in names:
            cases[f"tests/{name}"].append(f"case_{case}")
    for item in items:
        if not item.nodeid.startswith(NOT_FAST) and item.get_closest_marker("soak") is None:
            item.add_marker(pytest.mark.fast)
        item.extra_keyword_matches.update(cases.get(item.nodeid.partition("[")[0], ()))


def _name_apart(items: list[pytest.Item]) -> None:
    """Of tests that share an ID xdist runs only the last. schemathesis has the operation in the name, not in the ID."""
    often = Counter(item.nodeid for item in items)
    for item in items:
        if often[item.nodeid] > 1:
            item._id = item.id.with_params(item.name.partition("[")[2].removesuffix("]"))
    twice = [each for each, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"tests share an ID, and xdist would run one of them only: {', '.join(twice)}")
