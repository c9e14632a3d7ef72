"""The tables of the store, and which schema this program works with.

1. ``store_state.version`` counts the changes of ``providers``. Triggers count, not the program: a row edited with psql
   or sqlite3 is seen by every daemon as well, and no statement can forget it.
2. JSON columns are read leniently: what another hand has written there makes its own row unreadable, never the list.
3. Times are UTC. A column is added by a migration and never changes its meaning.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Dialect, Float, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

HEAD: Final = "0001"
"""The newest revision below ``migrations/versions``: a database that has it needs no Alembic."""
CHANNEL: Final = "tppcd_providers"
"""Of PostgreSQL's NOTIFY; its payload is the version."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTime(TypeDecorator[datetime]):
    """``timestamptz`` on PostgreSQL, ISO 8601 text with microseconds on SQLite; what is no time there is 1970."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return EPOCH
        if not isinstance(value, datetime):
            return EPOCH
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up only in an INTEGER PRIMARY KEY
metadata = MetaData()

providers = Table(
    "providers",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # the name as it is compared
    Column("type", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("api_key", Text),  # sealed, or a reference as written
    Column("key_id", String(16), nullable=False),
    Column("extra_config", Json, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("models", Json),
    Column("fallback_models", Json, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("core_auth_id", Text),
    Column("client_id", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("row_version", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # an ID that was given once is never given again
)

store_state = Table(
    "store_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row: 1
    Column("version", BigInteger, nullable=False),
    Column("key_fingerprint", Text),
)
