"""The service on real databases, with a pipeline of the test's own: what is read is in force at once.

The seed's cases that need no traffic are here by number (reference, part 3.13).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.config.provider import Provider
from daemon.secret import Secret
from daemon.store.errors import InvalidProvider, NameTaken, NoSuchProvider, RowChanged, StoreUnavailable
from daemon.store.provider_row import StoredProvider
from daemon.store.service import ProviderService, ReloadFailed
from daemon.store.source import StoreSource
from tests.store.postgresql import PostgreSQL
from tests.store.test_source import KEY, QUICK
from tests.store.world import PLANTED

FOX = {"name": "fox", "type": "openai", "base_url": "https://fox.example/v1", "api_key": PLANTED}


class Node:
    """A daemon without traffic: its service, and the providers that it has in force."""

    def __init__(self, url: str, state: Path) -> None:
        self.environ: dict[str, str] = {}
        self.in_force: dict[str, Provider] = {}
        self.applied = 0
        self.looked_up = 0
        self.file_names: set[str] = set()
        key = Secret(KEY if url else "")
        self.source = StoreSource(
            url, encryption_key=key, state_dir=state, environ=self.environ, base=state, timing=QUICK
        )
        self.service = ProviderService(
            self.source,
            apply=self.apply,
            running=self.running,
            owner=lambda name: "config.yaml" if name in self.file_names else "",
        )

    def running(self) -> set[str]:
        self.looked_up += 1
        return {each.source for each in self.in_force.values() if each.enabled and not each.failed}

    async def apply(self) -> None:
        update = await self.source.read_now()
        if update.fragment is not None:
            self.in_force = {each.name: each for each in update.fragment.providers}
        self.applied += 1

    async def sql(self, statement: str) -> None:
        def work(repository: object) -> None:
            with repository._database.write() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql(statement)

        await self.source.call(work)


@asynccontextmanager
async def a_node(url: str, tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(url, tmp_path)
    try:
        yield node
    finally:
        node.source.close()


@pytest.mark.asyncio
async def test_a_list_looks_once_for_all_rows_what_runs(url: str, tmp_path: Path) -> None:
    """The daemon goes through all core auths for it: once for each row is time in the square of their number."""
    async with a_node(url, tmp_path) as node:
        for name in ("fox", "bear", "wolf"):
            await node.service.create(FOX | {"name": name})
        node.looked_up = 0
        assert [each.is_running for each in await node.service.list()] == [True, True, True]
        assert node.looked_up == 1


@pytest.mark.asyncio
async def test_case_191_create_duplicate_unknown_type_and_bad_timeout(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        state = await node.service.create(FOX)
        assert (state.row.name, state.is_running, state.error) == ("fox", True, None)
        assert isinstance(state.row, StoredProvider)
        assert (state.row.timeout, state.row.enabled) == (300.0, True)
        with pytest.raises(NameTaken) as taken:
            await node.service.create(FOX)
        assert taken.value.status == 409
        for wrong, place in (
            ({"type": "carrier-pigeon"}, "type"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": "soon"}, "timeout"),
            ({"base_url": "ftp://x"}, "base_url"),
            ({"base-url": "https://x"}, "base-url"),
        ):
            with pytest.raises(InvalidProvider) as invalid:
                await node.service.create(FOX | {"name": "wolf"} | wrong)
            assert (invalid.value.status, invalid.value.faults[0].path) == (400, (place,))
        with pytest.raises(InvalidProvider):
            await node.service.create(["no", "object"])
        assert list(node.in_force) == ["fox"]


@pytest.mark.asyncio
async def test_case_191_get_list_update_switch_and_delete(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        await node.service.create(FOX)
        await node.service.create(FOX | {"name": "wolf", "enabled": False})
        assert (await node.service.get("FOX")).row.name == "fox"
        listed = await node.service.list()
        assert [(each.row.name, each.is_running) for each in listed] == [("fox", True), ("wolf", False)]
        assert [each.row.name for each in await node.service.list(enabled=True)] == ["fox"]
        assert [each.row.name for each in await node.service.list(enabled=False)] == ["wolf"]
        assert [each.row.name for each in await node.service.list(limit=1)] == ["fox"]
        assert [each.row.name for each in await node.service.list(after="fox")] == ["wolf"]
        await node.service.update("fox", {"base_url": "https://moved.example"})
        assert node.in_force["fox"].base_url == "https://moved.example"
        assert node.in_force["fox"].api_keys[0].reveal() == PLANTED
        assert (await node.service.switch("wolf", enabled=True)).is_running
        again = await node.service.switch("wolf", enabled=True)
        assert isinstance(again.row, StoredProvider)
        assert (again.is_running, again.row.row_version) == (True, 2)
        assert not (await node.service.switch("wolf", enabled=False)).is_running
        await node.service.delete("fox")
        assert list(node.in_force) == ["wolf"]
        for ask in (node.service.get, node.service.delete, node.service.reload):
            with pytest.raises(NoSuchProvider) as missing:
                await ask("fox")
            assert missing.value.status == 404


@pytest.mark.asyncio
async def test_a_name_of_config_yaml_is_taken(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        node.file_names = {"fox"}
        with pytest.raises(NameTaken, match=r"the name 'FOX' is taken by a provider of config\.yaml"):
            await node.service.create(FOX | {"name": "FOX"})
        await node.service.create(FOX | {"name": "wolf"})
        with pytest.raises(NameTaken):
            await node.service.update("wolf", {"name": "fox"})
        node.file_names = {"wolf"}  # written there later: the row can still be changed
        await node.service.update("wolf", {"name": "Wolf", "timeout": 7})


@pytest.mark.asyncio
async def test_if_match_is_held_against_the_row_version(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        await node.service.create(FOX)
        await node.service.update("fox", {"timeout": 7}, expected=1)
        with pytest.raises(RowChanged):
            await node.service.update("fox", {"timeout": 8}, expected=1)
        with pytest.raises(RowChanged):
            await node.service.delete("fox", expected=1)
        await node.service.delete("fox", expected=2)


@pytest.mark.asyncio
async def test_a_create_whose_initialisation_fails_keeps_the_row_and_says_why(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        state = await node.service.create(FOX | {"api_key": "env:FOX_KEY"})
        assert (state.is_running, "FOX_KEY is not set" in str(state.error)) == (False, True)
        node.environ["FOX_KEY"] = PLANTED
        assert (await node.service.reload("fox")).is_running


@pytest.mark.asyncio
async def test_case_192_a_failed_reload_keeps_the_old_instance_and_replaces_the_others(
    url: str, tmp_path: Path
) -> None:
    async with a_node(url, tmp_path) as node:
        await node.service.create(FOX)
        await node.service.create(FOX | {"name": "wolf"})
        old = node.in_force["fox"]
        await node.sql("UPDATE providers SET type = 'carrier-pigeon' WHERE name = 'fox'")
        await node.sql("UPDATE providers SET base_url = 'https://new.example' WHERE name = 'wolf'")
        with pytest.raises(ReloadFailed) as one:
            await node.service.reload("fox")
        assert (one.value.status, "unknown provider type" in one.value.details) == (500, True)
        with pytest.raises(ReloadFailed, match="fox: type: unknown provider type"):
            await node.service.reload_all()
        assert node.in_force["fox"] == old
        assert node.in_force["wolf"].base_url == "https://new.example"
        assert (await node.service.reload("wolf")).is_running
        listed = {each.row.name: each for each in await node.service.list()}
        assert (listed["fox"].is_running, listed["wolf"].error) == (True, None)
        assert "unknown provider type" in str(listed["fox"].error)
        await node.service.update("fox", {"type": "codex"})
        await node.service.reload_all()
        assert (old.wire, node.in_force["fox"].wire) == ("chat", "responses")


@pytest.mark.asyncio
async def test_case_192_a_deleted_row_is_gone_after_reload_all(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        await node.service.create(FOX)
        await node.sql("DELETE FROM providers")
        await node.service.reload_all()
        assert node.in_force == {}


@pytest.mark.asyncio
async def test_case_192_fifty_reloads_at_once(url: str, tmp_path: Path) -> None:
    async with a_node(url, tmp_path) as node:
        await node.service.create(FOX)
        async with asyncio.TaskGroup() as tasks:
            done = [
                tasks.create_task(node.service.reload("fox") if number % 2 else node.service.reload_all())
                for number in range(50)
            ]
        assert len(done) == 50
        assert list(node.in_force) == ["fox"]


@pytest.mark.asyncio
async def test_without_the_database_a_write_is_refused_and_what_serves_goes_on(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with postgresql.database("service_away") as url:
        async with a_node(url, tmp_path) as node:
            await node.service.create(FOX)
            postgresql.stop()
            for write in (
                node.service.create(FOX | {"name": "wolf"}),
                node.service.delete("fox"),
                node.service.reload_all(),
            ):
                with pytest.raises(StoreUnavailable):
                    await write
            assert node.in_force["fox"].api_keys[0].reveal() == PLANTED
            postgresql.start()
            await node.service.create(FOX | {"name": "wolf"})
            assert list(node.in_force) == ["fox", "wolf"]
