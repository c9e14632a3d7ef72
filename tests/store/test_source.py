"""The store as a source: what it publishes, when, and what it does while its database is away."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from loguru import logger
from msgspec import structs

from daemon.config.load import Fragment
from daemon.config.provider import Provider
from daemon.config.schema import Config
from daemon.secret import Secret
from daemon.snapshot.snapshot import revision
from daemon.sources.base import Update
from daemon.store.database import POSTGRESQL_OPTIONS
from daemon.store.encryption import KEY_FILE, EncryptionKeys, SealedKey
from daemon.store.errors import NoSuchProvider, StoreUnavailable, WrongEncryptionKey
from daemon.store.provider_fields import fields_of
from daemon.store.service import ProviderService
from daemon.store.source import StoreSource
from daemon.store.waiting import StoreTiming
from tests.store.postgresql import PostgreSQL
from tests.store.world import PLANTED, body

QUICK = StoreTiming(poll=0.05, poll_listening=0.05, retry_least=0.05, retry_most=0.1)
NOTIFY_ONLY = StoreTiming(poll=60, poll_listening=60, retry_least=0.05, retry_most=0.1)
KEY = base64.b64encode(secrets.token_bytes(32)).decode()


class Daemon:
    """One daemon's store: its source, and what it has published."""

    def __init__(self, url: str, state: Path, *, key: str = KEY, timing: StoreTiming = QUICK) -> None:
        self.environ: dict[str, str] = {}
        self.source = StoreSource(
            url,
            encryption_key=Secret(key if url else ""),
            state_dir=state,
            environ=self.environ,
            base=state,
            timing=timing,
        )
        self.updates: list[Update] = []
        self._heard = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        try:
            self.updates.append(await self.source.read_now())
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(self.source.run(self._publish))
                yield self
                task.cancel()
        finally:
            await asyncio.to_thread(self.source.close)  # as the daemon does: it waits for the statement at work

    def _publish(self, update: Update) -> None:
        self.updates.append(update)
        self._heard.set()

    async def publishes(self, count: int) -> Update:
        """Waits until so many were published in all, the first reading included."""
        async with asyncio.timeout(20):
            while len(self.updates) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.updates[-1]

    async def create(self, name: str, **changes: object) -> None:
        await self.source.call(lambda repository: repository.create(body(name, **changes)))

    async def update(self, name: str, **changes: object) -> None:
        await self.source.call(lambda repository: repository.update(name, fields_of(changes)))

    async def read(self) -> Update:
        return await self.source.read_now()

    async def sql(self, statement: str) -> None:
        """By hand, in the daemon's database."""

        def work(repository: object) -> None:
            with repository._database.write() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql(statement)

        await self.source.call(work)


def fragment(update: Update) -> Fragment:
    assert update.fragment is not None
    return update.fragment


def serving(update: Update) -> dict[str, Provider]:
    return {each.name: each for each in fragment(update).providers}


def stored_state(tmp_path: Path, number: int = 1) -> Path:
    """The state directory of a daemon; those of SQLite that share a database share it."""
    state = tmp_path / f"state{number}"
    state.mkdir(exist_ok=True)
    return state


# Start.


def test_without_a_row_neither_sqlalchemy_nor_a_file_comes_into_being(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from daemon.secret import Secret
from daemon.store.source import StoreSource
state = Path(sys.argv[1])
source = StoreSource("", encryption_key=Secret(""), state_dir=state, environ={}, base=state)
update = asyncio.run(source.read_now())
imported = sorted({"sqlalchemy", "alembic", "psycopg"} & sys.modules.keys())
print(update.fragment.providers, imported, list(state.iterdir()))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "() [] []"


@pytest.mark.asyncio
async def test_rows_become_providers_in_the_order_of_creation(url: str, tmp_path: Path) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        assert fragment(daemon.updates[0]).providers == ()
        await daemon.create("Wolf", timeout=30, models=["a"], extra_config={"headers": {"X-A": "b"}})
        await daemon.create("fox", type="vllm", api_key=None, enabled=False)
        await daemon.create("owl", type="codex")
        await daemon.create("elk", type="messages")
        found = serving(await daemon.read())
        assert list(found) == ["Wolf", "fox", "owl", "elk"]
        assert [each.wire for each in found.values()] == ["chat", "chat", "responses", "messages"]
        assert [each.enabled for each in found.values()] == [True, False, True, True]
        wolf = found["Wolf"]
        assert (wolf.kind, wolf.source, wolf.base_url) == ("store", "store:Wolf", "https://fox.example/v1")
        assert (wolf.timeouts.idle, wolf.timeouts.first_event, wolf.headers) == (30.0, 30.0, {"X-A": "b"})
        assert wolf.api_keys[0].reveal() == PLANTED
        assert not found["fox"].api_keys[0]


@pytest.mark.asyncio
async def test_a_revision_is_computed_without_opening_a_key(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        await daemon.create("fox")
        providers = fragment(await daemon.read()).providers
        assert isinstance(providers[0].api_keys[0], SealedKey)
        monkeypatch.setattr(EncryptionKeys, "open", lambda *_: pytest.fail("a key was opened"))
        assert revision(Config(), providers) == revision(Config(), fragment(await daemon.read()).providers)
        assert PLANTED not in repr(providers)


# Changes.


@pytest.mark.asyncio
async def test_a_change_by_another_daemon_is_published_once(url: str, tmp_path: Path) -> None:
    first, second = (Daemon(url, stored_state(tmp_path)) for _ in range(2))
    async with first.running(), second.running():
        await second.create("fox")
        assert list(serving(await first.publishes(2))) == ["fox"]
        await second.update("fox", base_url="https://moved.example")
        assert serving(await first.publishes(3))["fox"].base_url == "https://moved.example"
        await second.update("fox", enabled=False)
        assert not serving(await first.publishes(4))["fox"].enabled
        await second.source.call(lambda repository: repository.delete("fox"))
        assert serving(await first.publishes(5)) == {}
        await asyncio.sleep(0.3)
        assert len(first.updates) == 5
        assert [each.order for each in first.updates] == sorted({each.order for each in first.updates})


@pytest.mark.asyncio
async def test_a_change_by_hand_is_published(url: str, tmp_path: Path) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        await daemon.create("fox")
        await daemon.publishes(2)
        await daemon.sql("UPDATE providers SET base_url = 'https://by-hand.example'")
        assert serving(await daemon.publishes(3))["fox"].base_url == "https://by-hand.example"


@pytest.mark.asyncio
async def test_a_notification_is_heard_at_once_and_needs_no_poll(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("heard") as url:
        first = Daemon(url, stored_state(tmp_path, 1), timing=NOTIFY_ONLY)
        second = Daemon(url, stored_state(tmp_path, 2), timing=NOTIFY_ONLY)
        async with first.running(), second.running():
            await listening(postgresql, "heard", 2)
            await second.create("fox")
            assert list(serving(await first.publishes(2))) == ["fox"]


@pytest.mark.asyncio
async def test_a_lost_listener_comes_back_and_sees_what_it_did_not_hear(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("deaf") as url:
        first = Daemon(url, stored_state(tmp_path, 1), timing=NOTIFY_ONLY)
        second = Daemon(url, stored_state(tmp_path, 2), timing=NOTIFY_ONLY)
        async with first.running(), second.running():
            await listening(postgresql, "deaf", 2)
            postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENS.format('deaf')}")
            await second.create("fox")
            assert list(serving(await first.publishes(2))) == ["fox"]


@pytest.mark.asyncio
async def test_a_lost_notification_costs_a_poll(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("mute") as url:
        first, second = (Daemon(url, stored_state(tmp_path, number)) for number in (1, 2))
        async with first.running(), second.running():
            await first.sql(
                "CREATE OR REPLACE FUNCTION tppcd_providers_changed() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN UPDATE store_state SET version = version + 1; RETURN NULL; END $$"
            )
            await second.create("fox")
            assert list(serving(await first.publishes(2))) == ["fox"]


@pytest.mark.asyncio
async def test_three_daemons_agree_within_a_second_of_each_change(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("three") as url:
        first, second, third = (
            Daemon(url, stored_state(tmp_path, number), timing=StoreTiming()) for number in (1, 2, 3)
        )
        async with first.running(), second.running(), third.running():
            await listening(postgresql, "three", 3)
            moved = "https://moved.example"
            await agree_on([("fox", True, "https://fox.example/v1")], first.create("fox"), second, third)
            await agree_on([("fox", True, moved)], second.update("fox", base_url=moved), first, third)
            await agree_on([("fox", False, moved)], third.update("fox", enabled=False), first, second)
            deletion = first.source.call(lambda repository: repository.delete("fox"))
            await agree_on([], deletion, second, third)


async def agree_on(wanted: list[tuple[str, bool, str]], write: Awaitable[object], *others: Daemon) -> None:
    """After ``write`` all others have published ``wanted`` within a second."""
    await write
    async with asyncio.timeout(1):
        for each in others:
            while [(one.name, one.enabled, one.base_url) for one in fragment(each.updates[-1]).providers] != wanted:
                await asyncio.sleep(0.005)


LISTENS = "datname = '{}' AND query LIKE 'LISTEN%%'"


async def listening(server: PostgreSQL, database: str, count: int) -> None:
    """Waits until so many daemons listen."""
    statement = f"SELECT count(*) FROM pg_stat_activity WHERE {LISTENS.format(database)}".replace("%%", "%")
    async with asyncio.timeout(20):
        while server.run(statement) != [(count,)]:
            await asyncio.sleep(0.02)


# References.


@pytest.mark.asyncio
async def test_a_reference_is_resolved_here_and_its_file_is_watched(url: str, tmp_path: Path) -> None:
    key = tmp_path / "fox.key"
    key.write_text("sk-planted-first\n")
    daemon = Daemon(url, stored_state(tmp_path))
    async with daemon.running():
        daemon.environ["WOLF_KEY"] = "sk-planted-wolf"
        await daemon.create("fox", api_key=f"file:{key}")
        await daemon.create("wolf", api_key="env:WOLF_KEY")
        update = await daemon.read()
        assert fragment(update).files == {str(key)}
        assert serving(update)["fox"].api_keys[0].reveal() == "sk-planted-first"
        assert serving(update)["wolf"].api_keys[0].reveal() == "sk-planted-wolf"
        daemon.source.watch(fragment(update).files)
        count = len(daemon.updates)
        key.write_text("sk-planted-second\n")
        assert serving(await daemon.publishes(count + 1))["fox"].api_keys[0].reveal() == "sk-planted-second"


@pytest.mark.asyncio
async def test_a_reference_that_leads_nowhere_fails_its_provider_alone(url: str, tmp_path: Path) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        await daemon.create("fox", api_key="env:FOX_KEY")
        await daemon.create("owl", api_key="env:OWL_KEY", enabled=False)
        await daemon.create("wolf")
        found = fragment(await daemon.read())
        assert [(each.name, each.failed) for each in found.providers] == [
            ("fox", True),
            ("owl", False),
            ("wolf", False),
        ]
        assert found.failing == {"store:fox"}
        (diagnostic,) = found.diagnostics
        assert str(diagnostic) == (
            "store: error: providers.fox: api_key: environment variable FOX_KEY is not set "
            "(set FOX_KEY for the daemon and restart it)"
        )
        assert list(daemon.source.problems) == ["store:fox"]
        daemon.environ["FOX_KEY"] = "sk-planted-fox"
        healed = fragment(await daemon.read())
        assert (healed.failing, healed.diagnostics, daemon.source.problems) == (frozenset(), (), {})


# One row that cannot be used.


@pytest.mark.asyncio
@pytest.mark.parametrize("change", ["api_key = 'env:NOT_SET', base_url = 'https://new.example'", "type = 'pigeon'"])
async def test_a_row_that_fails_keeps_its_last_good_settings_and_all_others_apply(
    url: str, tmp_path: Path, change: str
) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        await daemon.create("fox")
        await daemon.create("wolf")
        good = serving(await daemon.read())["fox"]
        await daemon.sql(f"UPDATE providers SET {change} WHERE name = 'fox'")
        await daemon.update("wolf", base_url="https://new.example")
        update = await daemon.read()
        assert serving(update)["fox"] == good  # URL, key and headers together
        assert serving(update)["wolf"].base_url == "https://new.example"
        assert fragment(update).failing == {"store:fox"}
        await daemon.sql("UPDATE providers SET enabled = false WHERE name = 'fox'")
        assert not serving(await daemon.read())["fox"].enabled


@pytest.mark.asyncio
async def test_a_key_that_cannot_be_opened_fails_its_provider_alone(url: str, tmp_path: Path) -> None:
    daemon = Daemon(url, tmp_path)
    async with daemon.running():
        await daemon.create("fox")
        await daemon.create("wolf")
        await daemon.sql("UPDATE providers SET api_key = 'gAAAAABdamaged' WHERE name = 'fox'")
        late = Daemon(url, tmp_path)
        found = fragment(await late.read())
        late.source.close()
        assert [(each.name, each.failed) for each in found.providers] == [("fox", True), ("wolf", False)]
        assert "its key cannot be opened" in found.diagnostics[0].message


@pytest.mark.asyncio
async def test_each_initialisation_result_is_logged_once(url: str, tmp_path: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}", diagnose=False)
    try:
        daemon = Daemon(url, tmp_path)
        async with daemon.running():
            await daemon.create("fox")
            await daemon.create("wolf", api_key="env:NOT_SET")
            for _ in range(3):
                await daemon.read()
    finally:
        logger.remove(sink)
    about = [line.strip() for line in lines if "provider " in line and "provider store" not in line]
    assert about == [
        "INFO provider fox of the store: openai https://fox.example, enabled",
    ]


# The database away.


@pytest.mark.asyncio
async def test_a_database_that_goes_away_and_comes_back(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("away") as url:
        daemon = Daemon(url, stored_state(tmp_path, 1))
        async with daemon.running():
            await daemon.create("fox")
            await daemon.publishes(2)
            postgresql.stop()
            away = await daemon.publishes(3)
            assert list(serving(away)) == ["fox"]
            assert fragment(away).failing == {"store"}
            assert fragment(away).diagnostics[-1].code == "store-unavailable"
            assert isinstance(daemon.source.problem, StoreUnavailable)
            with pytest.raises(StoreUnavailable):
                await daemon.create("wolf")
            late = Daemon(url, stored_state(tmp_path, 1))  # a start without it, from the sealed copy
            async with late.running():
                assert serving(late.updates[0])["fox"].api_keys[0].reveal() == PLANTED
                assert fragment(late.updates[0]).failing == {"store"}
                stranger = Daemon(url, stored_state(tmp_path, 1), key=base64.b64encode(bytes(32)).decode())
                assert (await stranger.read()).problem is not None  # another key drops the copy
                stranger.source.close()
                newcomer = Daemon(url, stored_state(tmp_path, 2))
                problem = (await newcomer.read()).problem
                assert problem is not None
                assert "does not answer" in problem.message
                newcomer.source.close()
                postgresql.start()
                assert fragment(await late.publishes(2)).failing == frozenset()
            assert fragment(await daemon.publishes(4)).failing == frozenset()
            await daemon.create("wolf")
            assert list(serving(await daemon.publishes(5))) == ["fox", "wolf"]
            kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
            assert PLANTED.encode() not in kept
            assert b"fox.example" not in kept


@pytest.mark.asyncio
async def test_a_crash_of_the_server_is_a_pause_and_what_was_committed_is_there(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with postgresql.database("crash") as url:
        daemon = Daemon(url, tmp_path)
        async with daemon.running():
            await daemon.create("fox")
            postgresql.stop(immediate=True)
            postgresql.start()
            await daemon.create("wolf")
            assert list(serving(await daemon.read())) == ["fox", "wolf"]


# Encryption keys.


@pytest.mark.asyncio
async def test_another_encryption_key_is_refused_and_the_right_one_heals(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with postgresql.database("keys") as url:
        first = Daemon(url, stored_state(tmp_path, 1))
        async with first.running():
            await first.create("fox")
            second = Daemon(url, stored_state(tmp_path, 2), key=base64.b64encode(bytes(32)).decode())
            async with second.running():
                problem = second.updates[0].problem
                assert problem is not None
                assert problem.code == "store-wrong-key"
                with pytest.raises(WrongEncryptionKey):
                    await second.create("wolf")
                second.source.set_encryption_key(Secret(KEY))
                assert list(serving(await second.publishes(2))) == ["fox"]


@pytest.mark.asyncio
async def test_postgresql_demands_an_encryption_key(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("keyless") as url:
        daemon = Daemon(url, tmp_path, key="")
        problem = (await daemon.read()).problem
        daemon.source.close()
        assert problem is not None
        assert "needs provider-store.encryption-key" in problem.message


@pytest.mark.asyncio
async def test_the_generated_key_is_made_with_the_first_key_and_rotated_by_rekey(tmp_path: Path) -> None:
    daemon = Daemon("", tmp_path)
    async with daemon.running():
        await daemon.create("wolf", type="vllm", api_key=None)
        assert not (tmp_path / KEY_FILE).exists()
        await daemon.create("fox")
        first = (tmp_path / KEY_FILE).read_text()
        assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
        held = serving(await daemon.read())["fox"].api_keys[0]
        assert await daemon.source.rekey() == 1
        second = (tmp_path / KEY_FILE).read_text()
        assert (len(second.split()), second != first) == (1, True)
        assert held.reveal() == PLANTED  # of a request that is under way
        assert serving(await daemon.read())["fox"].api_keys[0].reveal() == PLANTED
        assert (await daemon.source.rekey()) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("step", ["before the rows", "after the rows"])
async def test_a_rekey_that_was_killed_halfway_leaves_a_store_that_works(tmp_path: Path, step: str) -> None:
    from daemon.store.encryption import add_generated_key

    daemon = Daemon("", tmp_path)
    async with daemon.running():
        await daemon.create("fox")
        add_generated_key(tmp_path)
        if step == "after the rows":
            await daemon.source.call(lambda repository: repository.rekey())
        other = Daemon("", tmp_path)
        async with other.running():
            assert serving(other.updates[0])["fox"].api_keys[0].reveal() == PLANTED
            await other.create("wolf")
            assert await other.source.rekey() == 2
        assert len((tmp_path / KEY_FILE).read_text().split()) == 1
        assert serving(await daemon.read())["wolf"].api_keys[0].reveal() == PLANTED


class Silent:
    """A server that takes connections and says nothing, until it passes them on to ``behind``."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._speaks = asyncio.Event()
        self._held: list[asyncio.StreamWriter] = []
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Silent]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                self.hang_up()

    def speak(self) -> None:
        """From the next connection on; those that wait are cut."""
        self._speaks.set()
        self.hang_up()

    def hang_up(self) -> None:
        for each in self._held:
            each.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._held.append(writer)
        if not self._speaks.is_set():
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        self._held.append(back)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_passed_on(reader, back))
            tasks.create_task(_passed_on(there, writer))


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kept", [True, False], ids=["with rows of before", "for the first time"])
async def test_a_start_does_not_wait_for_a_server_that_never_answers(
    postgresql: PostgreSQL, tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets that disappear, or a server that hangs: connecting would take as long as it is allowed to."""
    monkeypatch.setitem(POSTGRESQL_OPTIONS, "connect_timeout", 600)
    state = stored_state(tmp_path, 1)
    with postgresql.database("silent") as direct:
        async with Silent(postgresql.port).running() as server:
            url = direct.replace(str(postgresql.port), str(server.port))
            before = Daemon(direct, state)
            async with before.running():
                await before.create("fox")
                contents = fragment(await before.read())
                if kept:  # as if it had read them by this URL
                    (copy,) = (state / "store-rows").iterdir()
                    copy.rename(copy.with_name(hashlib.sha256(url.encode()).hexdigest()))
            daemon = Daemon(url, state, timing=structs.replace(QUICK, start=0.05))
            async with asyncio.timeout(60), daemon.running():
                first = daemon.updates[0]
                if kept:
                    assert fragment(first).providers == contents.providers
                    assert fragment(first).failing == {"store"}
                else:
                    assert first.problem is not None
                    assert "no connection in" in first.problem.message
                    assert PLANTED not in first.problem.message
                assert isinstance(daemon.source.problem, StoreUnavailable)
                server.speak()
                update = await daemon.publishes(2)
                assert (fragment(update).failing, list(serving(update))) == (frozenset(), ["fox"])
                assert update.order > first.order


def test_reading_makes_no_database(tmp_path: Path) -> None:
    state = stored_state(tmp_path, 1)

    async def read() -> None:
        source = Daemon("", state).source
        service = ProviderService(source, apply=source.read_now, running=frozenset)
        assert await service.list() == ()
        for look in (
            lambda: service.get("fox"),
            lambda: service.list(after="fox"),
            lambda: service.update("fox", {"timeout": 7}),
            lambda: service.switch("fox", enabled=False),
            lambda: service.delete("fox"),
            lambda: service.reload("fox"),
        ):
            with pytest.raises(NoSuchProvider):
                await look()
        await service.check_free("fox")
        source.close()

    asyncio.run(read())
    assert list(state.iterdir()) == []
