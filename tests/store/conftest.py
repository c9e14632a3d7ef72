"""Each test of a store runs on SQLite and on PostgreSQL: real ones, new and empty for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.store.postgresql import PostgreSQL, shared
from tests.store.world import World

NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgresql(request: pytest.FixtureRequest) -> PostgreSQL:
    """The server, one per worker. Where there are no binaries the test is skipped, saying what is missing; in CI that
    is a failure."""
    try:
        server, stop = shared()
    except LookupError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    request.config.add_cleanup(stop.close)
    if not server.is_running:  # a test that had stopped it has failed
        server.start()
    return server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database that is new and empty; of SQLite: of a file that does not exist yet."""
    if request.param == "sqlite":
        yield ""
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database(f"store_{next(NUMBERS)}") as url:
        yield url


@pytest.fixture
def world(url: str, tmp_path: Path) -> Iterator[World]:
    with World(url, tmp_path) as world:
        yield world
