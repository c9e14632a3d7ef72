"""Each test runs on SQLite and on PostgreSQL, as those of the store."""

from __future__ import annotations

from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]
