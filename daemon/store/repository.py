"""The statements of the store: create, get, list, update, delete, load and rekey.

1. A write is one transaction of the only writer: it reads the row, merges, validates and writes over what it has read,
   so an update is never lost. ``expected`` is the row version that a caller had read.
2. A key is sealed inside that transaction, with the encryption key that the database's rows are sealed with.
3. A row that cannot be used (edited by hand) is an ``UnreadableRow``; no read fails because of one.

Everything blocks, raises ``StoreError``, and is called on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from msgspec import UNSET

from daemon.config.provider import SetBy, lower_name
from daemon.config.references import is_reference
from daemon.secret import Secret
from daemon.snapshot.core_auths import stable_ids
from daemon.store.columns import Columns, columns_of, fields_in, row_of
from daemon.store.database import Database
from daemon.store.encryption import EncryptionKeys, new_key_id
from daemon.store.errors import NameTaken, NoSuchProvider, RowChanged, StoreUnusable
from daemon.store.provider_fields import DEFAULTS, ProviderFields, check_fields
from daemon.store.provider_row import Contents, Row, StoredProvider
from daemon.store.tables import providers, store_state

Stamp = tuple[int, int, datetime]
"""ID, row version and time of the last write. The time, because a restored backup counts the same versions again."""
KeyAccess = Callable[[bool], EncryptionKeys | None]
"""The encryption keys of this daemon; True: make one where that is allowed and there is none."""


class ProviderRepository:
    """``keys`` is asked at each use, so that a changed setting needs no new repository. ``clock`` gives UTC."""

    def __init__(
        self, database: Database, keys: KeyAccess, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._known: dict[int, tuple[Stamp, Row]] = {}

    def version(self) -> int:
        """Counts up with every change of any row, by whomever."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(store_state.c.version)).scalar_one())

    def load(self) -> Contents:
        """Everything at one moment; rows that did not change since the last call are the same objects."""
        with self._database.read() as connection:
            version, fingerprint = connection.execute(
                sa.select(store_state.c.version, store_state.c.key_fingerprint)
            ).one()
            stamps: list[Stamp] = [(id, number, at) for id, number, at in connection.execute(STAMPS)]
            changed = [stamp[0] for stamp in stamps if self._known.get(stamp[0], (None, None))[0] != stamp]
            few = providers.c.id.in_(changed) if len(changed) <= MOST_IN_ONE else sa.true()
            read = _all(connection, sa.select(providers).where(few)) if changed else []
        if fingerprint:
            self._demand(fingerprint)
        made = {each["id"]: row_of(each) for each in read}
        self._known = {stamp[0]: (stamp, made.get(stamp[0]) or self._known[stamp[0]][1]) for stamp in stamps}
        return Contents(
            version=int(version), fingerprint=fingerprint or "", rows=tuple(row for _, row in self._known.values())
        )

    def get(self, id: int) -> Row:
        """By ID. Raises NoSuchProvider."""
        return self._one(providers.c.id == id, str(id))

    def get_by_name(self, name: str) -> Row:
        """By name, compared as provider names are. Raises NoSuchProvider."""
        return self._one(_named(name), name)

    def list(self, *, enabled: bool | None = None, after: int = 0, limit: int | None = None) -> tuple[Row, ...]:
        """In the order of creation, those with a higher ID than ``after``; ``limit`` None: all."""
        statement = sa.select(providers).where(providers.c.id > after).order_by(providers.c.id).limit(limit)
        if enabled is not None:
            statement = statement.where(providers.c.enabled == enabled)
        with self._database.read() as connection:
            return tuple(row_of(each) for each in _all(connection, statement))

    def create(self, fields: ProviderFields, *, set_by: SetBy = "local") -> StoredProvider:
        """The new row. Raises InvalidProvider, NameTaken."""
        fields = fields.over(DEFAULTS)
        check_fields(fields)
        name = str(fields.name).strip()
        with self._writing() as connection:
            if connection.execute(sa.select(providers.c.id).where(providers.c.name_key == lower_name(name))).first():
                raise NameTaken(name)
            now = self._clock()
            key = fields.api_key if isinstance(fields.api_key, Secret) else None
            values = {
                **columns_of(fields),
                **self._key_columns(connection, name, str(fields.base_url), key),
                **{"set_by": set_by, "created_at": now, "updated_at": now, "row_version": 1},
            }
            id = connection.execute(sa.insert(providers).values(values).returning(providers.c.id)).scalar_one()
            return self._readable(self._select(connection, providers.c.id == id, name))

    def update(
        self, name: str, change: ProviderFields, *, set_by: SetBy = "local", expected: int | None = None
    ) -> StoredProvider:
        """The row with what ``change`` gives over it; a row that could not be read is repaired this way.

        Raises NoSuchProvider, RowChanged, InvalidProvider, NameTaken.
        """
        with self._writing() as connection:
            found = self._select(connection, _named(name), name)
            _demand_version(found, expected)
            whole = change.over(fields_in(found))
            check_fields(whole)
            new_name = str(whole.name).strip()
            if lower_name(new_name) != found["name_key"]:
                taken = sa.select(providers.c.id).where(providers.c.name_key == lower_name(new_name))
                if connection.execute(taken).first():
                    raise NameTaken(new_name)
            values = columns_of(whole)
            if whole.base_url != found["base_url"]:
                values["set_by"] = set_by
            if change.api_key is not UNSET:
                values |= self._key_columns(connection, new_name, str(whole.base_url), change.api_key, found)
            elif (new_name, whole.base_url) != (found["name"], found["base_url"]):
                values |= self._id_columns(new_name, str(whole.base_url), found["api_key"])
            values |= {"updated_at": self._clock(), "row_version": int(found["row_version"]) + 1}
            connection.execute(sa.update(providers).where(providers.c.id == found["id"]).values(values))
            return self._readable(self._select(connection, providers.c.id == found["id"], new_name))

    def switch(self, name: str, *, enabled: bool, expected: int | None = None) -> Row:
        """Enables or disables; one that is so already stays as it is. A row that cannot be read can be disabled.

        Raises NoSuchProvider, RowChanged; InvalidProvider where what would be enabled is wrong.
        """
        with self._writing() as connection:
            found = self._select(connection, _named(name), name)
            _demand_version(found, expected)
            if bool(found["enabled"]) is not enabled:
                if enabled:
                    check_fields(fields_in(found))
                values = {"enabled": enabled, "updated_at": self._clock(), "row_version": int(found["row_version"]) + 1}
                connection.execute(sa.update(providers).where(providers.c.id == found["id"]).values(values))
            return row_of(self._select(connection, providers.c.id == found["id"], name))

    def delete(self, name: str, *, expected: int | None = None) -> Row:
        """The row that there was. Raises NoSuchProvider, RowChanged."""
        with self._writing() as connection:
            found = self._select(connection, _named(name), name)
            _demand_version(found, expected)
            connection.execute(sa.delete(providers).where(providers.c.id == found["id"]))
            return row_of(found)

    def claim(self) -> None:
        """Names the newest of our keys as the database's, unless it has one. Raises WrongEncryptionKey.

        For PostgreSQL, at each start: two daemons with different keys find out before one of them has sealed anything.
        """
        with self._database.read() as connection:  # a standby takes no writes, and serves all the same
            fingerprint = connection.execute(sa.select(store_state.c.key_fingerprint)).scalar_one()
        if fingerprint:
            self._demand(fingerprint)
            return
        with self._database.write() as connection:
            self._sealing(connection)

    def rekey(self) -> int:
        """Encrypts every key again, with the newest of ours, in one transaction; how many. Raises StoreError.

        A key that cannot be opened stops it, and nothing is changed: it would be lost with the older encryption key.
        """
        with self._database.write() as connection:
            keys, _ = self._sealing(connection)
            statement = sa.select(providers).where(providers.c.api_key.is_not(None)).order_by(providers.c.id)
            sealed = [each for each in _all(connection, statement) if not is_reference(each["api_key"])]
            for each in sealed:
                values = {
                    "api_key": keys.seal(_opened(keys, each), keys.newest),
                    "row_version": int(each["row_version"]) + 1,
                }
                connection.execute(sa.update(providers).where(providers.c.id == each["id"]).values(values))
            connection.execute(sa.update(store_state).values(key_fingerprint=keys.newest))
            return len(sealed)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that changes rows. Raises WrongEncryptionKey where this daemon could not read them: what it
        answers would not be in force."""
        with self._database.write() as connection:
            if fingerprint := connection.execute(sa.select(store_state.c.key_fingerprint)).scalar_one():
                self._demand(fingerprint)
            yield connection

    def _one(self, where: sa.ColumnElement[bool], name: str) -> Row:
        with self._database.read() as connection:
            return row_of(self._select(connection, where, name))

    def _select(self, connection: sa.Connection, where: sa.ColumnElement[bool], name: str) -> Columns:
        found = _all(connection, sa.select(providers).where(where))
        if not found:
            raise NoSuchProvider(name)
        return found[0]

    def _readable(self, columns: Columns) -> StoredProvider:
        row = row_of(columns)
        assert isinstance(row, StoredProvider), "what was validated can be read"
        return row

    def _demand(self, fingerprint: str) -> EncryptionKeys:
        keys = self._keys(False) or NO_KEYS
        keys.demand(fingerprint, self._database.place)
        return keys

    def _sealing(self, connection: sa.Connection) -> tuple[EncryptionKeys, str]:
        """Our keys, and the fingerprint of the one to seal with."""
        fingerprint = connection.execute(sa.select(store_state.c.key_fingerprint)).scalar_one()
        if fingerprint:
            return self._demand(fingerprint), fingerprint
        keys = self._keys(True)
        if keys is None:
            raise StoreUnusable(
                f"the provider store {self._database.place} needs provider-store.encryption-key",
                "the same for every daemon; make one by: openssl rand -base64 32",
            )
        connection.execute(sa.update(store_state).values(key_fingerprint=keys.newest))
        return keys, keys.newest

    def _key_columns(
        self,
        connection: sa.Connection,
        name: str,
        base_url: str,
        key: Secret | None,
        before: Columns | None = None,
    ) -> dict[str, object]:
        """``api_key``, ``key_id`` and the IDs. The same key again keeps its ``key_id``, so that nothing changes."""
        text = key.reveal() if key is not None else None
        if text is None or is_reference(text):
            ids = (None, None) if text else stable_ids("store", name, api_key="", base_url=base_url)
            return {"api_key": text, "key_id": "", "core_auth_id": ids[0], "client_id": ids[1]}
        keys, fingerprint = self._sealing(connection)
        old = before["api_key"] if before is not None else None
        core_auth_id, client_id = stable_ids("store", name, api_key=text, base_url=base_url)
        columns: dict[str, object] = {"core_auth_id": core_auth_id, "client_id": client_id}
        if before is not None and old and not is_reference(old) and _opens_to(keys, old, text):
            return columns
        return columns | {"api_key": keys.seal(text, fingerprint), "key_id": new_key_id()}

    def _id_columns(self, name: str, base_url: str, api_key: str | None) -> dict[str, object]:
        """The IDs where the name or the URL changes and the key stays."""
        if api_key is not None and is_reference(api_key):
            return {}
        keys = self._keys(False) or NO_KEYS
        text = keys.open(api_key) if api_key else ""
        core_auth_id, client_id = stable_ids("store", name, api_key=text, base_url=base_url)
        return {"core_auth_id": core_auth_id, "client_id": client_id}


STAMPS: Final = sa.select(providers.c.id, providers.c.row_version, providers.c.updated_at).order_by(providers.c.id)
MOST_IN_ONE: Final = 500
"""So many rows are asked for by ID; beyond that all are, which is the same work (SQLite takes 32,766 parameters)."""
NO_KEYS: Final = EncryptionKeys(())
"""Of a daemon that has none: it opens nothing."""


def _named(name: str) -> sa.ColumnElement[bool]:
    """The row of that name. Raises NoSuchProvider for what is no name: drivers refuse a NUL, each in its own way."""
    if any(each < " " or each == "\x7f" or "\ud800" <= each <= "\udfff" for each in name):
        raise NoSuchProvider(name)
    return providers.c.name_key == lower_name(name)


def _all(connection: sa.Connection, statement: sa.Select[Any]) -> list[Columns]:
    return [{str(key): value for key, value in each.items()} for each in connection.execute(statement).mappings()]


def _demand_version(columns: Columns, expected: int | None) -> None:
    found = int(columns["row_version"])
    if expected is not None and expected != found:
        raise RowChanged(columns["name"], asked=expected, found=found)


def _opened(keys: EncryptionKeys, columns: Columns) -> str:
    try:
        return keys.open(columns["api_key"])
    except StoreUnusable as error:
        raise StoreUnusable(f"provider {columns['name']!r}: {error.message}", error.hint) from None


def _opens_to(keys: EncryptionKeys, sealed: str, text: str) -> bool:
    try:
        return Secret(keys.open(sealed)) == Secret(text)
    except StoreUnusable:
        return False
