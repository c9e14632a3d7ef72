"""Two sources: config.yaml and a list in memory. Each contributes its last good fragment, whatever the other does."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.load import Fragment
from daemon.config.provider import Provider
from daemon.secret import Secret
from daemon.state.copies import History
from tests.reload.world import BROKEN, COMMENTED, GOOD, OTHER, ListSource, ScriptedSource, World

DOWN = Diagnostic(severity="error", code="unreachable", message="does not answer", source="list")


def row(name: str, url: str = "https://row.example/v1") -> Provider:
    return Provider(
        kind="store",
        name=name,
        source=f"store:{name}",
        enabled=True,
        wire="responses",
        base_url=url,
        api_keys=(Secret("sk-planted-row"),),
    )


FOX, WOLF = row("fox"), row("wolf")


def serving(world: World) -> dict[str, str]:
    return {auth.name: auth.base_url for auth in world.current.get().core_auths}


def two(tmp_path: Path, said: str = GOOD, *rows: Provider, history: History | None = None) -> World:
    return World(ScriptedSource(said), tmp_path, others=[ListSource(*rows)], history=history)


def parts(world: World) -> tuple[ScriptedSource, ListSource]:
    file, rows = world.sources
    assert isinstance(file, ScriptedSource) and isinstance(rows, ListSource)
    return file, rows


@pytest.mark.asyncio
async def test_the_providers_of_both_serve(tmp_path: Path) -> None:
    world = two(tmp_path, GOOD, FOX, WOLF)
    async with world.running() as reloader:
        assert list(serving(world)) == ["packycode", "fox", "wolf"]
        assert world.current.get().generation == 1
        assert "clients: 3 (1 packycode + 0 tppc + 2 store)" in world.ears.messages("clients")
        assert reloader.outcome is not None and not reloader.outcome.degraded


@pytest.mark.asyncio
async def test_a_list_that_fails_leaves_both_serving_and_the_file_goes_on(tmp_path: Path) -> None:
    world = two(tmp_path, GOOD, FOX)
    file, rows = parts(world)
    async with world.running() as reloader:
        rows.says = DOWN
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.diagnostics) == (False, True, (DOWN,))
        file.text = OTHER
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.generation) == (False, True, 2)
        assert serving(world) == {"packycode": "https://b.example/v1", "fox": FOX.base_url}
        assert world.ears.reloads[-1] is False
        rows.says = (FOX,)
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.diagnostics, outcome.generation) == (True, False, (), 2)
        assert world.ears.reloads[-1] is True


@pytest.mark.asyncio
async def test_a_file_that_fails_leaves_both_serving_and_the_list_goes_on(tmp_path: Path) -> None:
    world = two(tmp_path, GOOD, FOX)
    file, rows = parts(world)
    async with world.running() as reloader:
        file.text = BROKEN
        assert not (await reloader.reload("test")).ok
        rows.save((FOX, WOLF))
        await world.ears.turns(3)
        assert list(serving(world)) == ["packycode", "fox", "wolf"]
        assert reloader.outcome is not None
        assert (reloader.outcome.ok, reloader.outcome.degraded) == (True, True)
        assert [each.code for each in reloader.outcome.diagnostics] == ["yaml-syntax"]
        assert world.ears.reloads[-1] is False
        file.save(COMMENTED)
        await world.ears.turns(4)
        assert not reloader.outcome.degraded
        assert list(serving(world)) == ["packycode", "fox", "wolf"]


@pytest.mark.asyncio
async def test_a_start_without_the_list_serves_the_file_and_the_reverse(tmp_path: Path) -> None:
    world = two(tmp_path)
    _, rows = parts(world)
    rows.says = DOWN
    async with world.running() as reloader:
        assert list(serving(world)) == ["packycode"]
        assert reloader.outcome is not None
        assert (reloader.outcome.ok, reloader.outcome.degraded, reloader.outcome.diagnostics) == (True, True, (DOWN,))
        rows.save((FOX,))
        await world.ears.turns(1)
        assert list(serving(world)) == ["packycode", "fox"]
        assert not reloader.outcome.degraded
    broken = two(tmp_path, BROKEN, WOLF)
    async with broken.running() as reloader:
        assert list(serving(broken)) == ["packycode", "wolf"]
        assert reloader.outcome is not None and reloader.outcome.degraded


@pytest.mark.asyncio
async def test_a_row_moves_the_revision_and_has_lines_in_the_summary(tmp_path: Path) -> None:
    history = History(tmp_path, Path("config.yaml"))
    world = two(tmp_path, GOOD, FOX, history=history)
    _, rows = parts(world)
    async with world.running() as reloader:
        before = world.current.get().revision
        for says in ((structs.replace(FOX, base_url="https://moved.example"), WOLF), (WOLF,)):
            rows.says = says
            assert (await reloader.reload("test")).ok
        assert world.current.get().revision != before
        assert [line.strip() for line in world.ears.messages("change")] == [
            "store.providers[fox].base-url: https://row.example -> https://moved.example",
            "store.providers[wolf]: added (enabled)",
            "store.providers[fox]: removed",
        ]
        rows.says = (FOX,)
        await reloader.reload("test")
        assert (world.current.get().revision, world.current.get().generation) == (before, 4)
    assert [(each.generation, each.source, history.load(each)) for each in history.versions()] == [
        (4, "list", None),
        (3, "list", None),
        (2, "list", None),
        (1, "config.yaml", GOOD.encode()),
    ]


LOST = Diagnostic(severity="error", code="reference", message="leads nowhere", path=("providers", "fox"), source="list")


@pytest.mark.asyncio
async def test_a_failing_row_degrades_is_reported_once_and_stops_nobody(tmp_path: Path) -> None:
    failing = Fragment(
        source="list",
        providers=(structs.replace(FOX, failed=True), WOLF),
        diagnostics=(LOST,),
        failing=frozenset({"store:fox"}),
    )
    world = two(tmp_path)
    file, rows = parts(world)
    rows.fragment = failing
    async with world.running() as reloader:
        assert list(serving(world)) == ["packycode", "wolf"]
        assert reloader.outcome is not None
        assert (reloader.outcome.degraded, reloader.outcome.diagnostics) == (True, (LOST,))
        assert world.ears.reloads[-1] is False
        file.text = OTHER
        outcome = await reloader.reload("test")
        assert (outcome.ok, outcome.degraded, outcome.failing) == (False, True, ("store:fox",))
        assert serving(world)["packycode"] == "https://b.example/v1"
        assert world.ears.messages("diagnostic") == [str(LOST)]
        rows.fragment = None
        rows.says = (FOX, WOLF)
        readings = file.readings
        outcome = await reloader.reload("test", source="list")
        assert (outcome.ok, outcome.degraded) == (True, False)
        assert file.readings == readings  # only the list was read
        assert list(serving(world)) == ["packycode", "fox", "wolf"]
        assert world.ears.reloads[-1] is True
