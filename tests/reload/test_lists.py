"""What upstreams list is put in force beside the configuration: one swap, the same generation, one line each."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from daemon.config.provider import Provider
from tests.reload.test_sources import row
from tests.reload.world import GOOD, OTHER, ListSource, ScriptedSource, World

FOX = structs.replace(row("fox"), discover=True, wire="chat")
WOLF = structs.replace(row("wolf"), discover=True, wire="chat")


def world_of(tmp_path: Path, *rows: Provider) -> World:
    return World(ScriptedSource(GOOD), tmp_path, others=[ListSource(*rows)])


def auth_id(world: World, name: str) -> str:
    return next(auth.id for auth in world.current.get().core_auths if auth.name == name)


async def listed(world: World, **lists: tuple[str, ...]) -> None:
    """Waits until these are in force."""
    by_id = {auth_id(world, name): names for name, names in lists.items()}
    before = world.current.get()
    world.reloader.put_lists(by_id)
    await world.ears.until(lambda: world.current.get() is not before and world.current.get().models.listed == by_id)


@pytest.mark.asyncio
async def test_names_come_and_go_without_a_new_generation(tmp_path: Path) -> None:
    world = world_of(tmp_path, FOX, WOLF)
    async with world.running():
        first = world.current.get()
        assert first.models.names() == tuple(sorted(first.models.registered))
        await listed(world, fox=("a", "b"), wolf=("w",))
        await listed(world, fox=("b", "c", "d"), wolf=("w",))
        now = world.current.get()
        assert {"b", "c", "d", "w"} < set(now.models.names())
        assert now.config_header == first.config_header
        assert world.ears.messages("models")[1:] == [  # after that of the start
            "models of fox: +2 -0",
            "models of wolf: +1 -0",
            "models of fox: +2 -1",
        ]
        assert len(world.ears.messages("registration")) == 3  # as of the start: each change is one line
        assert world.ears.snapshots[-1]["models"] == len(now.models.names())
        assert "INFO models of fox: +2 -1 {'generation': 1, 'provider': 'fox'}\n" in world.lines


@pytest.mark.asyncio
async def test_lists_are_kept_over_reloads_until_their_provider_goes(tmp_path: Path) -> None:
    world = world_of(tmp_path, FOX, WOLF)
    file, rows = world.sources
    assert isinstance(file, ScriptedSource) and isinstance(rows, ListSource)
    async with world.running() as reloader:
        await listed(world, fox=("a",), wolf=("w",))
        file.text = OTHER
        assert (await reloader.reload("test")).generation == 2
        assert {"a", "w"} < set(world.current.get().models.names())
        await reloader.reload("test")  # the same meaning again
        assert {"a", "w"} < set(world.current.get().models.names())
        rows.says = (WOLF,)
        await reloader.reload("test")
        rows.says = (FOX, WOLF)
        await reloader.reload("test")
        assert "w" in world.current.get().models.names()
        assert "a" not in world.current.get().models.names()


@pytest.mark.asyncio
async def test_lists_of_whoever_has_gone_meanwhile_change_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path, FOX)
    async with world.running():
        before = world.current.get()
        world.reloader.put_lists({"store:gone:1": ("x",)})
        await world.ears.until(lambda: world.current.get() is not before)
        assert world.current.get().models.names() == before.models.names()
        assert len(world.ears.messages("models")) == 1  # that of the start
