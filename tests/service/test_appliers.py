"""What follows a new snapshot in the daemon: its adapters are in force with it, or not at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from daemon.config.schema import Config
from daemon.config.sections import Logging
from daemon.reload.appliers import swap
from daemon.router.router import Router
from daemon.service.appliers import DaemonLog, appliers
from daemon.snapshot.snapshot import Current, Snapshot
from daemon.upstream.adapters.registry import AdapterRegistry, UnknownAdapterType
from tests.gateway.targets import nowhere
from tests.router.auths import core_auth
from tests.upstream.adapters.test_registry import snapshot

pytestmark = pytest.mark.asyncio

FOX = core_auth("fox", wire="chat")

ROUTER = Router(clock=lambda: 0.0, wall=lambda: 0.0)


class Silent:
    """A log that follows no configuration."""

    async def follow(self, snapshot: Snapshot) -> None: ...


@asynccontextmanager
async def refusing(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
    if new.core_auths:
        raise ValueError("this one cannot prepare")
    yield


async def test_adapters_are_in_force_with_their_snapshot_and_gone_with_it() -> None:
    current, adapters = Current(), AdapterRegistry(nowhere)
    steps = appliers(cast(DaemonLog, Silent()), adapters, ROUTER, ())
    await swap(current, snapshot(FOX), steps)
    fox = adapters.get(FOX.id)
    assert fox is not None
    moved, wolf = replace(FOX, priority=3), core_auth("wolf", wire="messages")
    with pytest.raises(ValueError, match="cannot prepare"):
        await swap(current, snapshot(moved, wolf), [*steps, refusing])
    assert adapters.ids() == {FOX.id} and adapters.get(FOX.id) is fox
    await swap(current, snapshot(moved, wolf), steps)
    assert adapters.ids() == {FOX.id, wolf.id} and adapters.get(FOX.id) is not fox
    await swap(current, snapshot(wolf), steps)
    assert adapters.ids() == {wolf.id}


async def test_a_type_that_nobody_knows_refuses_the_snapshot_in_words() -> None:
    current, adapters = Current(), AdapterRegistry(nowhere)
    with pytest.raises(UnknownAdapterType, match="unknown provider type 'pigeon'"):
        await swap(
            current, snapshot(core_auth(type="pigeon")), appliers(cast(DaemonLog, Silent()), adapters, ROUTER, ())
        )
    assert current.get_or_none() is None and adapters.ids() == frozenset()


async def test_a_log_file_that_does_not_open_refuses_the_snapshot_and_the_loop_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A network mount whose server is away."""
    stuck, gone = threading.Event(), threading.Event()

    class Stuck:
        def __init__(self, path: Path, **_: object) -> None:
            stuck.wait(20)

        def close(self) -> None:
            gone.set()

    monkeypatch.setattr("daemon.service.appliers.FileOutput", Stuck)
    monkeypatch.setattr("daemon.service.appliers.OPEN_SECONDS", 0.05)
    log = DaemonLog(None, None, {})
    try:
        current = Current()
        config = Config(logging=Logging(file=str(tmp_path / "log")))
        with pytest.raises(OSError, match="not opened within"):
            await swap(current, replace(snapshot(), config=config), appliers(log, AdapterRegistry(nowhere), ROUTER, ()))
        assert current.get_or_none() is None
        stuck.set()
        while not gone.is_set():  # what opens too late is closed
            await asyncio.sleep(0.01)
    finally:
        stuck.set()
        log.close()
