"""The tables ``providers`` and ``store_state``, and the triggers that count changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0001"
down_revision = None

NEXT_ROW_VERSION = "UPDATE providers SET row_version = OLD.row_version + 1 WHERE id = NEW.id"

SQLITE = (
    *(
        f"CREATE TRIGGER providers_{event.lower()} AFTER {event} ON providers "
        "BEGIN UPDATE store_state SET version = version + 1; END"
        for event in ("INSERT", "UPDATE", "DELETE")
    ),
    # An edit by hand leaves row_version alone; ETags must change all the same.
    "CREATE TRIGGER providers_row_version AFTER UPDATE ON providers WHEN NEW.row_version = OLD.row_version "
    f"BEGIN {NEXT_ROW_VERSION}; END",
)

POSTGRESQL = (
    """
    CREATE FUNCTION tppcd_providers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE reached bigint;
    BEGIN
        UPDATE store_state SET version = version + 1 RETURNING version INTO reached;
        PERFORM pg_notify('tppcd_providers', reached::text);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER providers_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON providers "
    "FOR EACH STATEMENT EXECUTE FUNCTION tppcd_providers_changed()",
    """
    CREATE FUNCTION tppcd_providers_row_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.row_version = OLD.row_version + 1;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER providers_row_version BEFORE UPDATE ON providers "
    "FOR EACH ROW WHEN (NEW.row_version = OLD.row_version) EXECUTE FUNCTION tppcd_providers_row_version()",
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if on_postgresql else sa.Integer()
    json = JSONB() if on_postgresql else sa.JSON()
    time = TIMESTAMP(timezone=True) if on_postgresql else sa.Text()
    op.create_table(
        "providers",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("timeout", sa.Float, nullable=False, server_default=sa.text("300")),
        sa.Column("api_key", sa.Text),
        sa.Column("key_id", sa.String(16), nullable=False, server_default=""),
        sa.Column("extra_config", json, nullable=False, server_default="{}"),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("models", json),
        sa.Column("fallback_models", json, nullable=False, server_default="[]"),
        sa.Column("set_by", sa.Text, nullable=False, server_default="local"),
        sa.Column("core_auth_id", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("created_at", time, nullable=False, server_default=sa.func.current_timestamp()),
        sa.Column("updated_at", time, nullable=False, server_default=sa.func.current_timestamp()),
        sa.Column("row_version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.UniqueConstraint("name_key", name="providers_name"),
        sa.CheckConstraint("name_key <> ''", name="providers_name_key"),
        sa.CheckConstraint("timeout > 0", name="providers_timeout"),
        *(() if on_postgresql else (sa.CheckConstraint("enabled IN (0, 1)", name="providers_enabled"),)),
        sqlite_autoincrement=True,
    )
    state = op.create_table(
        "store_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("key_fingerprint", sa.Text),
        sa.CheckConstraint("id = 1", name="store_state_one_row"),
    )
    op.bulk_insert(state, [{"id": 1, "version": 0}])
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("a database goes back by restoring a backup")
