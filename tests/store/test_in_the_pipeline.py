"""The store beside config.yaml in the real reload pipeline: what a write answers is in force."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.store.service import ProviderService, ReloadFailed
from tests.reload.world import GOOD, ScriptedSource, World
from tests.store.test_service import FOX, Node


def urls(world: World) -> dict[str, str]:
    return {each.source: each.base_url for each in world.current.get().core_auths}


@pytest.mark.asyncio
async def test_writes_failures_and_edits_by_hand_reach_the_snapshot(url: str, tmp_path: Path) -> None:
    node = Node(url, tmp_path)
    world = World(ScriptedSource(GOOD), tmp_path, others=[node.source])
    try:
        async with world.running() as reloader:
            service = ProviderService(
                node.source, apply=lambda: reloader.reload("store", source="store"), running=lambda: urls(world).keys()
            )
            assert (await service.create(FOX)).is_running
            await service.update("fox", {"base_url": "https://b.example"})
            assert urls(world)["store:fox"] == "https://b.example"
            wolf = await service.create(FOX | {"name": "wolf", "api_key": "env:WOLF_KEY"})
            assert (wolf.is_running, bool(wolf.error)) == (False, True)
            with pytest.raises(ReloadFailed):
                await service.reload("wolf")
            assert reloader.outcome is not None
            assert (reloader.outcome.ok, reloader.outcome.degraded) == (False, True)
            node.environ["WOLF_KEY"] = "sk-planted-wolf"
            assert (await service.reload("wolf")).is_running
            assert not reloader.outcome.degraded
            await node.sql("UPDATE providers SET base_url = 'https://hand.example' WHERE name = 'fox'")
            async with asyncio.timeout(10):
                while urls(world)["store:fox"] != "https://hand.example":
                    await asyncio.sleep(0.02)
            async with asyncio.TaskGroup() as tasks:
                for number in range(50):
                    tasks.create_task(service.reload("fox") if number % 2 else service.reload_all())
            await service.delete("fox")
            assert list(urls(world)) == ["config:packycode", "store:wolf"]
    finally:
        node.source.close()
