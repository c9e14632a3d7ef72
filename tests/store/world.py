"""A small world around one database: its key, its clock, repositories on it, and a hand that writes SQL."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.store.database import Database
from daemon.store.encryption import EncryptionKeys
from daemon.store.place import database_place
from daemon.store.provider_fields import ProviderFields, fields_of
from daemon.store.repository import KeyAccess, ProviderRepository

PLANTED = "sk-planted-store-0123456789"
BEGIN = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)


class Clock:
    """A second later at each look."""

    def __init__(self) -> None:
        self._ticks = 0

    def __call__(self) -> datetime:
        self._ticks += 1
        return BEGIN + timedelta(seconds=self._ticks)


class World:
    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.key = EncryptionKeys((secrets.token_bytes(32),))
        self._databases: list[Database] = []

    def __enter__(self) -> World:
        self.database = self.another_database()
        self.database.prepare()
        self.repository = self.another(self.database)
        return self

    def __exit__(self, *exception: object) -> None:
        for each in self._databases:
            each.close()

    def another_database(self, **options: Any) -> Database:
        """As another daemon has it."""
        database = Database(database_place(self.url, self.directory), **options)
        self._databases.append(database)
        return database

    def another(self, database: Database | None = None, keys: KeyAccess | None = None) -> ProviderRepository:
        """As another daemon has it, with its own connection."""
        keys = keys or (lambda make: self.key)
        return ProviderRepository(database or self.another_database(), keys, clock=Clock())

    def sql(self, statement: str) -> None:
        """By hand, as with psql or sqlite3."""
        with self.database.write() as connection:
            connection.exec_driver_sql(statement)

    def look(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(each) for each in connection.exec_driver_sql(statement)]


def body(name: str = "fox", **changes: object) -> ProviderFields:
    """The fields of a good provider."""
    given = {"name": name, "type": "openai", "base_url": "https://fox.example/v1", "api_key": PLANTED}
    return fields_of(given | changes)
