"""The store as a source of providers: its rows become a fragment, read again when something says that they changed.

1. A hint (PostgreSQL's NOTIFY, a write of our own) only says "look". The version row decides, and it is looked at every
   few moments in any case, so a lost hint costs a poll and nothing else.
2. One row that cannot be used fails its own provider: its last good settings go on, whole, and all others apply.
3. A database that is away changes nothing that is served. What was read last is kept, of PostgreSQL also sealed in the
   state directory for a start without it; it is under the encryption key, so another key drops it.
4. Statements run on one thread of this source. What they need is imported there, when there is a row or a write: a
   daemon without either starts as fast and as small as one without a store.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from loguru import logger

from daemon.config.diagnostics import Diagnostic
from daemon.config.load import Fragment
from daemon.config.references import UnresolvedReference
from daemon.secret import Secret
from daemon.sources.base import Publish, Update
from daemon.sources.reading import stamp
from daemon.sources.references import resolver, watched_paths
from daemon.store.errors import StoreError, StoreUnavailable
from daemon.store.place import database_place, has_rows
from daemon.store.waiting import Reading, StoreTiming, import_driver, no_connection

if TYPE_CHECKING:  # the rest of the package is imported when there is a row or a write
    from daemon.store.database import Database
    from daemon.store.encryption import EncryptionKeys
    from daemon.store.fragment import ProviderProblem, RowsInForce
    from daemon.store.last_rows import LastRows
    from daemon.store.provider_row import Contents, Row
    from daemon.store.repository import ProviderRepository

NAME: Final = "store"
Result = TypeVar("Result")


class StoreSource:
    """``url`` as ``provider-store.url``, its reference resolved; relative paths begin in ``state_dir``.

    ``encryption_key`` is the setting's text, empty for none. ``environ`` resolves the references of rows, ``base`` is
    where relative paths of theirs begin: the directory of config.yaml. ``opened`` is called on the source's thread
    each time when the database was opened.
    """

    name = NAME

    def __init__(
        self,
        url: str,
        *,
        encryption_key: Secret,
        state_dir: Path,
        environ: Mapping[str, str],
        base: Path,
        timing: StoreTiming | None = None,
        opened: Callable[[], object] = lambda: None,
    ) -> None:
        self._where = database_place(url, state_dir)
        self._state_dir = state_dir
        self._encryption_key = encryption_key
        self._timing = timing or StoreTiming()
        self._resolve = resolver(environ, base=base)
        self._paths = partial(watched_paths, environ=environ, base=base)
        self._rows: RowsInForce | None = None
        self._last_rows: LastRows | None = None
        self._when_opened = opened
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="provider-store")
        self._opened: tuple[Database, ProviderRepository] | None = None
        self._contents: Contents | None = None
        self._problem: StoreError | None = None
        self._seen: tuple[object, ...] = ()
        self._watched: tuple[str, ...] = ()
        self._order = 0
        self._published = ""
        self._wake = asyncio.Event()
        self._listening = False
        self._is_first = True
        self._when_connected: Callable[[], object] = lambda: None

    @property
    def problem(self) -> StoreError | None:
        """Why the rows in force may be older than those of the database; None while it answers."""
        return self._problem

    @property
    def problems(self) -> Mapping[str, ProviderProblem]:
        """``source`` of each provider whose row cannot be used -> why, as of the last reading."""
        return self._rows.problems if self._rows is not None else {}

    @property
    def rows(self) -> tuple[Row, ...] | None:
        """The rows that were read last; None before the first reading that succeeded."""
        return None if self._contents is None else self._contents.rows

    async def resolved(self, reference: str) -> Secret | None:
        """What a reference leads to, trimmed as it is in force; None where it leads nowhere."""
        try:
            return Secret((await self._in_thread(lambda: self._resolve(reference))).strip())
        except UnresolvedReference:
            return None

    def set_encryption_key(self, key: Secret) -> None:
        """Another text of ``provider-store.encryption-key`` is in force from the next use on."""
        if key != self._encryption_key:
            self._encryption_key = key
            self._seen = ()
            self._wake.set()

    def watch(self, files: frozenset[str]) -> None:
        """The files that rows refer to: a change of one is a change of the rows."""
        self._watched = tuple(sorted(files))

    async def call(self, work: Callable[[ProviderRepository], Result]) -> Result:
        """``work`` on the store's thread, on a database that has been made and migrated. Raises StoreError."""
        return await self._in_thread(lambda: work(self._repository()))

    async def look_up(self, work: Callable[[ProviderRepository], Result], nothing: Callable[[], Result]) -> Result:
        """As ``call``, for what needs a row: where there is no database yet it is ``nothing()``, and none is made."""
        return await self._in_thread(lambda: work(self._repository()) if self._is_there() else nothing())

    async def read_now(self) -> Update:
        """A reading that begins after this call. A database that is away gives what was read last, and says so. The
        first does not wait for a server that neither answers nor refuses; the rows come later then."""
        first, self._is_first = self._is_first, False
        if first and isinstance(self._where, str):
            update = await self._read_first(self._where)
        else:
            update = await self._in_thread(self._read)
        self._published = update.digest
        return update

    async def run(self, publish: Publish) -> None:
        """Publishes each new content once, for ever."""
        async with asyncio.TaskGroup() as tasks:
            if isinstance(self._where, str):
                tasks.create_task(self._listen(self._where))
            pause = self._timing.poll
            while True:
                await self._pause(pause)
                update = await self._in_thread(self._look)
                if update is not None and update.digest != self._published:
                    self._published = update.digest
                    publish(update)
                pause = self._next_pause(pause)

    async def rekey(self) -> int:
        """Seals every key with the newest encryption key; how many. Raises StoreError.

        The key of the state directory is replaced by a new one, which is there before the rows need it, and the old
        one goes after them: killed in between, the rows can still be opened, and once more finishes it.
        """

        def work(repository: ProviderRepository) -> int:
            from daemon.store.encryption import add_generated_key, drop_older_keys, generated_keys

            generated = isinstance(self._where, Path) and not self._encryption_key
            if generated and generated_keys(self._state_dir, make=False) is not None:
                add_generated_key(self._state_dir)
            count = repository.rekey()
            if generated:
                drop_older_keys(self._state_dir)
            return count

        return await self.call(work)

    def close(self) -> None:
        """Ends the connections; blocks until the statement at work has ended."""
        self._thread.submit(self._disconnect).result()
        self._thread.shutdown()

    def _next_pause(self, last: float) -> float:
        if self._problem is not None:
            return min(max(last * 2, self._timing.retry_least), self._timing.retry_most)
        return self._timing.poll_listening if self._listening else self._timing.poll

    async def _pause(self, seconds: float) -> None:
        """Until a hint, but not longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _listen(self, conninfo: str) -> None:
        """Hears NOTIFY. Whenever it begins to listen it also looks: what happened before was heard by nobody."""
        pause = self._timing.retry_least
        await self._in_thread(import_driver)
        from daemon.store.database import notifications

        while True:
            try:
                async for _ in notifications(conninfo):
                    self._listening, pause = True, self._timing.retry_least
                    self._wake.set()
            except StoreUnavailable as error:
                if self._listening:
                    logger.warning("{}: looking every {:g} s instead", error.message, self._timing.poll)
            self._listening = False
            self._wake.set()
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._timing.retry_most)

    async def _read_first(self, conninfo: str) -> Update:
        """The daemon's start waits for this: for a connection not long, for the rows behind one as long as it takes."""
        await self._in_thread(import_driver)
        reading = Reading(self._thread, self._read)
        self._when_connected = reading.connected
        if not await reading.comes_within(self._timing.start):
            error = no_connection(conninfo, self._timing.start)
            update = await asyncio.to_thread(self._without_database, error)
            if not reading.comes:
                self._problem = error
                reading.result.add_done_callback(self._read_late)
                return update
        return await reading.result

    def _read_late(self, reading: asyncio.Future[Update]) -> None:
        """Nobody has waited for what it gave: the next look reads it again."""
        reading.exception()
        self._seen = ()
        self._wake.set()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # On the store's thread.

    def _repository(self) -> ProviderRepository:
        if self._opened is None:
            from daemon.store.database import Database
            from daemon.store.repository import ProviderRepository

            database = Database(self._where)
            repository = ProviderRepository(database, self.keys)
            try:
                database.connect()
                self._when_connected()
                database.prepare()
                if database.conninfo:
                    repository.claim()
            except StoreError:
                database.close()
                raise
            self._opened = database, repository
            self._when_opened()
        return self._opened[1]

    def _is_there(self) -> bool:
        return self._opened is not None or isinstance(self._where, str) or self._where.exists()

    def _disconnect(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None

    def keys(self, make: bool = False) -> EncryptionKeys | None:
        """The encryption keys now in force: those of the setting, else of SQLite those of the state directory."""
        from daemon.store.encryption import encryption_keys, generated_keys

        if self._encryption_key:
            return encryption_keys(self._encryption_key.reveal())
        return generated_keys(self._state_dir, make=make) if isinstance(self._where, Path) else None

    def _look(self) -> Update | None:
        """A reading if there may be something new, else None."""
        try:
            seen = self._state()
        except StoreError as error:
            return self._read_away(error) if self._problem is None or error.code != self._problem.code else None
        if self._problem is None and seen == self._seen:
            return None
        return self._read()

    def _state(self) -> tuple[object, ...]:
        """What is different when rows may be: cheap, and without SQLAlchemy as long as there is no row."""
        files = tuple(stamp(path) for path in self._watched)
        if isinstance(self._where, str):
            return (self._repository().version(), files)
        identity = stamp(str(self._where))[:2]  # another file in its place may count the same versions
        if self._opened is None and not has_rows(self._where):
            return ((), files)
        return (self._repository().version(), identity, files)

    def _read(self) -> Update:
        try:
            seen = self._state()
            contents = None if self._opened is None else self._repository().load()
            keys = None if contents is None else self.keys()
        except StoreError as error:
            return self._read_away(error)
        self._seen, self._problem = seen, None
        if contents is None:
            return self._nothing()
        self._contents = contents
        if keys is not None and (kept := self._kept_rows()) is not None:
            kept.save(contents, keys)
        return self._update(contents, keys)

    def _read_away(self, error: StoreError) -> Update:
        """The database cannot be used: what was read last, with the reason; at a start what was kept of it."""
        self._problem = error
        return self._without_database(error)

    def _without_database(self, error: StoreError) -> Update:
        diagnostic = Diagnostic(
            severity="error", code=error.code.replace("_", "-"), message=error.message, source=NAME, hint=error.hint
        )
        keys = None
        with suppress(StoreError):
            keys = self.keys()
        if self._contents is None and (kept := self._kept_rows()) is not None:
            self._contents = kept.load(keys)
        if self._contents is not None:
            return self._update(self._contents, keys, away=diagnostic)
        self._order += 1
        digest = hashlib.sha256(str(error).encode()).hexdigest()
        return Update(source=NAME, raw=b"", digest=digest, problem=diagnostic, order=self._order)

    def _update(self, contents: Contents, keys: EncryptionKeys | None, away: Diagnostic | None = None) -> Update:
        from daemon.store.fragment import RowsInForce, digest_of

        if self._rows is None:
            self._rows = RowsInForce(self._resolve, self._paths)
        self._order += 1
        fragment = self._rows.fragment(contents.rows, keys, NAME, away=away)
        digest = digest_of(fragment, contents.version)
        return Update(source=NAME, raw=b"", digest=digest, order=self._order, fragment=fragment)

    def _nothing(self) -> Update:
        """Of SQLite, before the first row was written."""
        self._order += 1
        return Update(source=NAME, raw=b"", digest="", order=self._order, fragment=Fragment(source=NAME))

    def _kept_rows(self) -> LastRows | None:
        """The sealed copy of what PostgreSQL had last; of SQLite there is none."""
        if self._last_rows is None and isinstance(self._where, str):
            from daemon.store.last_rows import LastRows

            self._last_rows = LastRows(self._state_dir, self._where)
        return self._last_rows
