"""A small world around a reloader: a source with a text to read, and ears for the rest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loguru import logger

from daemon.config.diagnostics import Diagnostic
from daemon.config.load import Fragment
from daemon.config.provider import Provider
from daemon.reload.appliers import Applier
from daemon.reload.reloader import Reloader
from daemon.snapshot.snapshot import Current
from daemon.sources.base import Publish, Source, Update
from daemon.state.copies import History, LastGood

KEY = "sk-planted-0123456789"

GOOD = f"""\
packycode:
  enabled: true
  base-url: https://a.example/v1
  credentials:
    openai-api-key: {KEY}
"""
OTHER = GOOD.replace("a.example", "b.example")
COMMENTED = f"# only a comment more\n{GOOD}"
DISABLED = GOOD.replace("enabled: true", "enabled: false")
KEYLESS = GOOD.replace(f"openai-api-key: {KEY}", 'openai-api-key: ""')
BROKEN = "packycode: [\n"
WRONG = GOOD.replace("enabled: true", "enabled: perhaps")
EMPTY = "port: 8318\n"
GONE = Diagnostic(severity="error", code="config-missing", message="does not exist", source="config.yaml")


class ScriptedSource:
    """``text`` is what a reading finds (a Diagnostic = a problem); ``save`` sets it and publishes."""

    name = "config.yaml"

    def __init__(self, text: str | Diagnostic) -> None:
        self.text = text
        self.settled = True
        self.mode = 0
        self.readings = 0
        self.watched: list[frozenset[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._saved: asyncio.Queue[Update | Exception] = asyncio.Queue()

    def update(self) -> Update:
        self.readings += 1
        problem = self.text if isinstance(self.text, Diagnostic) else None
        raw = b"" if isinstance(self.text, Diagnostic) else self.text.encode()
        digest = hashlib.sha256(raw).hexdigest()
        return Update(
            source=self.name,
            raw=raw,
            digest=digest,
            problem=problem,
            order=self.readings,
            settled=self.settled,
            mode=self.mode,
        )

    async def read_now(self) -> Update:
        update = self.update()
        await self.gate.wait()
        return update

    async def run(self, publish: Publish) -> None:
        while True:
            match await self._saved.get():
                case Exception() as error:
                    raise error
                case update:
                    publish(update)

    def watch(self, files: frozenset[str]) -> None:
        self.watched.append(files)

    def save(self, text: str | Diagnostic) -> None:
        self.text = text
        self._saved.put_nowait(self.update())

    def publish_again(self, update: Update) -> None:
        self._saved.put_nowait(update)

    def fail(self, error: Exception) -> None:
        self._saved.put_nowait(error)


class ListSource:
    """Providers of a list in memory; a Diagnostic = it cannot be read."""

    name = "list"

    def __init__(self, *providers: Provider) -> None:
        self.says: tuple[Provider, ...] | Diagnostic = providers
        self.fragment: Fragment | None = None
        """Instead of ``says``."""
        self.readings = 0
        self._saved: asyncio.Queue[Update] = asyncio.Queue()

    def update(self) -> Update:
        self.readings += 1
        known: dict[str, Any] = {"source": self.name, "raw": b"", "order": self.readings, "digest": repr(self.says)}
        if self.fragment is not None:
            return Update(**known, fragment=self.fragment)
        if isinstance(self.says, Diagnostic):
            return Update(**known, problem=self.says)
        return Update(**known, fragment=Fragment(source=self.name, providers=self.says))

    async def read_now(self) -> Update:
        return self.update()

    async def run(self, publish: Publish) -> None:
        while True:
            publish(await self._saved.get())

    def watch(self, files: frozenset[str]) -> None:
        assert not files

    def save(self, says: tuple[Provider, ...] | Diagnostic) -> None:
        self.says = says
        self._saved.put_nowait(self.update())


class Ears:
    """Audit log, metrics and service manager in one: they keep what they get."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, Mapping[str, object]]] = []
        self.reloads: list[bool] = []
        self.snapshots: list[Mapping[str, int]] = []
        self.registrations: list[Mapping[str, int]] = []
        self.resolutions: list[Mapping[tuple[str, str], int]] = []
        self.notified: list[str] = []
        self.heard = asyncio.Event()

    def publish(self, kind: str, message: str, **fields: object) -> None:
        self.events.append((kind, message, fields))

    def reload(self, ok: bool, at: float) -> None:
        self.reloads.append(ok)

    def snapshot(
        self,
        *,
        names: Collection[str],
        known: Callable[[str, str], str],
        registrations: Mapping[str, int],
        **numbers: int,
    ) -> None:
        self.snapshots.append(numbers)
        self.registrations.append(registrations)

    def credentials(self, counts: Mapping[tuple[str, str], int]) -> None:
        self.resolutions.append(counts)

    def reloading(self) -> None:
        self.notified.append("RELOADING")

    def ready(self, status: str = "") -> None:
        self.notified.append(f"READY {status}")
        self.heard.set()

    def messages(self, kind: str) -> list[str]:
        return [message for each, message, _ in self.events if each == kind]

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for what no notification says."""
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.001)

    async def turns(self, count: int) -> None:
        """Waits until so many turns have ended since the start."""
        async with asyncio.timeout(20):
            while sum(line.startswith("READY") for line in self.notified) < count:
                self.heard.clear()
                await self.heard.wait()


class World:
    def __init__(
        self,
        source: Source,
        state: Path,
        *,
        appliers: Sequence[Applier] = (),
        path: Path = Path("config.yaml"),
        environ: Mapping[str, str] | None = None,
        history: History | None = None,
        others: Sequence[Source] = (),
    ) -> None:
        self.sources = (source, *others)
        self.current = Current()
        self.ears = Ears()
        self.lines: list[str] = []
        self.reloader = Reloader(
            current=self.current,
            source=source,
            others=lambda _: others,
            last_good=LastGood(state, path),
            history=history,
            appliers=appliers,
            audit=self.ears,
            metrics=self.ears,
            notify=self.ears,
            environ=environ or {},
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reloader]:
        """Started, and following its source until the block ends."""
        with self.listening():
            await self.reloader.start()
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(self.reloader.run())
                await asyncio.sleep(0)  # so that it runs
                yield self.reloader
                task.cancel()

    def listening(self) -> _Listening:
        return _Listening(self.lines)


class _Listening:
    """What is logged inside the block, formatted with everything that a record carries."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __enter__(self) -> None:
        self._sink = logger.add(self._lines.append, level="INFO", format="{level} {message} {extra}", diagnose=False)

    def __exit__(self, *exception: object) -> None:
        logger.remove(self._sink)
