"""The database of the store: connections, transactions, the migration, and drivers' exceptions made ours.

1. Everything blocks, and is called on one thread. A connection lives for one transaction on SQLite (so that a restored
   file is simply the next one that is opened), and in a pool of one on PostgreSQL.
2. ``write`` is one writer at a time over all daemons: SQLite's lock, or the row of ``store_state``. What a writer
   reads there is what it writes over.
3. A migration is one transaction under a lock; two daemons that start at once do it once. A revision that this program
   does not know is refused before anything is written.
4. What waits for a database ends: connecting after 5 s, a lock after 10, a statement after 15, a dead peer after 10.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from loguru import logger
from sqlalchemy import event, exc

from daemon.config.urls import shown
from daemon.masks import Masks
from daemon.state.files import create_file, make_directory
from daemon.store.errors import NewerSchema, StoreError, StoreUnavailable, StoreUnusable
from daemon.store.tables import CHANNEL, HEAD, store_state

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MIGRATION_LOCK: Final = 0x7470_7063_6401  # "tppcd", 1
BUSY_S: Final = 10
ALIVE_S: Final = 15.0
"""After so long without a NOTIFY the connection is asked whether it still is one."""
POSTGRESQL_OPTIONS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "tppcd",
    "prepare_threshold": None,  # statements are few, and a pooler between may hand each to another server
}
LIMITS: Final = (
    "SET statement_timeout = '15s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'"
)
BESIDE: Final = ("-journal", "-wal", "-shm")
"""SQLite's own files, which lie beside the database."""
NOT_JSON: Final = object()
"""Stands for the content of a JSON column that is none (SQLite keeps any text there)."""


class Database:
    """``where`` is SQLite's file, or what libpq connects with, in any form that it reads.

    ``migrations`` and ``head`` are others in the tests of a later schema only.
    """

    def __init__(self, where: Path | str, *, migrations: Path = MIGRATIONS, head: str = HEAD) -> None:
        self._migrations = migrations
        self._head = head
        self.conninfo = where if isinstance(where, str) else ""
        """Empty for SQLite. Holds the password."""
        self.file = where if isinstance(where, Path) else None
        self.place = str(self.file) if self.file else shown(self.conninfo)
        """How messages name it: without a user, a password or a query."""
        self._driver_error: type[Exception] = sqlite3.Error
        self._engine = self._sqlite() if self.file else self._postgresql()

    @property
    def exists(self) -> bool:
        """False where it is a file that nobody has made yet. A PostgreSQL exists until it is asked."""
        return self.file is None or self.file.exists()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One state of everything that is read inside. Raises StoreError."""
        with self._translated(), self._engine.connect() as connection:
            if self.conninfo:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction of the only writer, committed at the end. Raises StoreError; nothing is written then."""
        with self._translated(), self._writing() as connection:
            if self.conninfo:
                # Before any row of providers: two writers that took the rows first would wait for each other.
                connection.execute(sa.select(store_state.c.id).with_for_update())
            yield connection

    def connect(self) -> None:
        """Of a server, a connection that the next transaction uses; of a file nothing. Raises StoreError."""
        if self.conninfo:
            with self._translated(), self._engine.connect():
                pass

    def prepare(self) -> None:
        """Makes the schema what this program works with. Raises StoreError.

        At each start, so the common case is one SELECT without Alembic, which costs 0.3 s to import.
        """
        if self.file is not None:
            self._make_file(self.file)
        with self._translated(), self._engine.connect() as connection:
            if _revision(connection) == self._head:
                return
        self.migrate()

    def migrate(self) -> tuple[str, ...]:
        """The revisions that were put in, oldest first; none where it is up to date. Raises StoreError."""
        if self.file is not None:
            self._make_file(self.file)
        with self._translated(), self._writing() as connection:
            if self.conninfo:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            before = _revision(connection)
            done = _upgrade(connection, self._migrations, before, self.place)
        if done:
            logger.info("the provider store {} has now schema {} (before: {})", self.place, done[-1], before or "none")
        return done

    def close(self) -> None:
        """Ends the connections; the next use opens them again."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def _make_file(self, file: Path) -> None:
        """An empty one of mode 0600, unless there is one."""
        for each in (file, *(file.with_name(file.name + suffix) for suffix in BESIDE)):
            if each.is_symlink():  # SQLite would follow it, also to make a file there
                hint = "set provider-store.url to the place where it leads, or remove it"
                raise StoreUnusable(f"the provider store {each} is a symbolic link", hint)
        try:
            make_directory(file.parent)
            with suppress(FileExistsError):
                os.close(create_file(file))
        except OSError as error:
            reason = (error.strerror or "it failed").lower()
            hint = "let the daemon's user write there, or set provider-store.url to another place"
            raise StoreUnusable(f"the provider store {file} cannot be opened: {reason}", hint) from error

    def _sqlite(self) -> sa.Engine:
        address = f"file:{quote(str(self.file))}?mode=rw"  # never makes a file: an empty one would look like no rows

        def connect() -> sqlite3.Connection:
            # Transactions are begun by us (``isolation_level=None``), since the driver's own begin too late.
            return sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)

        engine = sa.create_engine(
            "sqlite://", creator=connect, poolclass=sa.pool.NullPool, json_serializer=_json, json_deserializer=_lenient
        )

        @event.listens_for(engine, "connect")
        def _durable(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA synchronous = EXTRA")  # a commit outlives a power loss, its journal's end too

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _postgresql(self) -> sa.Engine:
        import psycopg  # 0.15 s and 10 MiB, for those who use it

        self._driver_error = psycopg.Error

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(self.conninfo, **POSTGRESQL_OPTIONS)

        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=connect,
            pool_size=1,
            max_overflow=1,
            pool_pre_ping=True,
            json_serializer=_json,
            json_deserializer=_lenient,
        )

        @event.listens_for(engine, "connect")
        def _limited(connection: psycopg.Connection[Any], _: object) -> None:
            connection.execute(LIMITS)
            connection.commit()

        return engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """A driver's exception becomes a StoreError: here and nowhere else."""
        try:
            yield
        except exc.DBAPIError as error:
            cause = error.orig
            raise self._explained(cause if isinstance(cause, Exception) else error) from None
        except self._driver_error as error:
            raise self._explained(error) from None
        except exc.SQLAlchemyError as error:
            raise StoreUnusable(f"the provider store {self.place} cannot be used: {type(error).__name__}") from error

    def _explained(self, error: Exception) -> StoreError:
        name = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
        if name is None:
            name = "lost" if type(error).__name__ == "OperationalError" else ""
        for begin, make in CAUSES:
            if name.startswith(begin):
                return make(self.place, self._plain(error))
        return StoreUnusable(f"the provider store {self.place} cannot be used: {self._plain(error)}")

    def _plain(self, error: Exception) -> str:
        """The driver's first line, without the password that a connection string holds."""
        text = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if self.conninfo:
            import psycopg

            try:
                password = psycopg.conninfo.conninfo_to_dict(self.conninfo).get("password")
            except psycopg.ProgrammingError:  # libpq quotes what it cannot read, a password perhaps
                return "its URL is not one that libpq reads"
            text = Masks([str(password or "")])(text)
        return text[:300]


async def notifications(conninfo: str) -> AsyncIterator[None]:
    """Once when it listens, then once per NOTIFY, on a connection of its own: hints that a row has changed.

    The one thing here that runs on the event loop. Raises StoreUnavailable when the connection ends.
    """
    import psycopg

    try:
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, **POSTGRESQL_OPTIONS)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            yield
            while True:
                async for _ in connection.notifies(timeout=ALIVE_S):
                    yield
                await connection.execute("SELECT 1")  # a peer that is gone says nothing either
    except (psycopg.Error, OSError) as error:
        raise StoreUnavailable(f"the provider store is not heard any more: {type(error).__name__}") from None


def _away(place: str, why: str) -> StoreError:
    return StoreUnavailable(f"the provider store {place} does not answer: {why}", "serving goes on without it")


def _busy(place: str, why: str) -> StoreError:
    return StoreUnavailable(f"the provider store {place} is busy: {why}", "try again")


def _full(place: str, why: str) -> StoreError:
    return StoreUnavailable(f"the provider store {place} has no room left: {why}", "make room on its disk", full=True)


def _read_only(place: str, why: str) -> StoreError:
    return StoreUnavailable(
        f"the provider store {place} cannot be written: {why}",
        "name the primary server, or let the daemon's user write the file and its directory",
    )


def _refused(place: str, why: str) -> StoreError:
    return StoreUnusable(f"the provider store {place} refuses: {why}", "check provider-store.url and the grants")


def _broken(place: str, why: str) -> StoreError:
    return StoreUnusable(f"the provider store {place} is no database of tppcd: {why}", "restore a backup of it")


def _constraint(place: str, why: str) -> StoreError:
    return StoreUnusable(f"the provider store {place} refuses the row: {why}", "the constraint says which value")


CAUSES: Final[tuple[tuple[str, Callable[[str, str], StoreError]], ...]] = (
    ("SQLITE_CONSTRAINT", _constraint),
    ("SQLITE_FULL", _full),
    ("SQLITE_BUSY", _busy),
    ("SQLITE_LOCKED", _busy),
    ("SQLITE_READONLY", _read_only),
    ("SQLITE_CANTOPEN", _away),
    ("SQLITE_IOERR", _away),
    ("SQLITE_NOTADB", _broken),
    ("SQLITE_CORRUPT", _broken),
    ("23", _constraint),  # integrity constraint violation
    ("25006", _read_only),  # a standby
    ("28", _refused),  # invalid authorization
    ("3D000", _refused),  # no such database
    ("42501", _refused),  # insufficient privilege
    ("42", _broken),  # a table or column is missing
    ("53100", _full),  # disk full
    ("40", _busy),  # serialization failure, deadlock
    ("55P03", _busy),  # lock timeout
    ("57014", _busy),  # statement timeout
    ("08", _away),  # connection exception
    ("53", _away),  # too many connections, out of memory
    ("57P", _away),  # shutting down, starting up
    ("lost", _away),  # no code: never reached, or lost
)
"""SQLite's error name or PostgreSQL's SQLSTATE, by how it begins -> what it means to us. The first that fits."""


def _revision(connection: sa.Connection) -> str:
    """The schema's revision; empty for a database without one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return ",".join(sorted(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()))


def _upgrade(connection: sa.Connection, migrations: Path, before: str, place: str) -> tuple[str, ...]:
    """Runs what is missing, in the transaction of ``connection``."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(migrations))
    known = [each.revision for each in scripts.walk_revisions()]  # newest first
    if before and before not in known:
        raise NewerSchema(place, revision=before, newest=known[0])
    done = tuple(reversed(known[: known.index(before)] if before else known))
    if done:
        upgrade: Any = lambda revision, _: scripts._upgrade_revs("head", revision)  # noqa: E731  # as Alembic documents
        with EnvironmentContext(Config(), scripts, fn=upgrade) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()
    return done


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _lenient(text: str | bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except ValueError:
        return NOT_JSON
