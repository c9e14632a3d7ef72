"""The reload pipeline's crank: one turn at a time, whatever asked for it.

1. Who calls ``reload`` gets the outcome of a reading that began after the call.
2. An update older than one that was taken already is dropped.
3. Nothing waits for ever: a turn that fails, or the end of the daemon, answers every caller.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
from daemon.config.load import Fragment
from daemon.reload.appliers import Applier
from daemon.reload.check import CheckResult
from daemon.reload.mailbox import Mailbox
from daemon.reload.outcome import ConfigRefused, ReloadOutcome
from daemon.reload.pipeline import Pipeline, failed
from daemon.reload.supervise import supervised
from daemon.reload.telling import Events, Notify, Numbers, Telling, status_line
from daemon.snapshot.current import Current
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.base import Source, Update
from daemon.state.history import History
from daemon.state.last_good import LastGood

RETRY_S: Final = 0.4
"""How long a file that is wrong, and that a writer may still hold, is left alone before it is told."""

Waiting = tuple[str, asyncio.Future[ReloadOutcome], Document | None]
"""Why a caller asked, where its answer goes, and what it has written."""


class Reloader:
    """``source`` is config.yaml, ``others`` give providers only. ``environ`` is the daemon's environment: references
    and packycode's outer settings come from it."""

    def __init__(
        self,
        *,
        current: Current,
        source: Source,
        others: Sequence[Source] = (),
        last_good: LastGood,
        history: History | None = None,
        appliers: Sequence[Applier] = (),
        audit: Events,
        metrics: Numbers,
        notify: Notify,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._current = current
        self._file = source
        self._sources = {each.name: each for each in (source, *others)}
        self._notify = notify
        self._pipeline = Pipeline(
            current=current,
            environ=os.environ if environ is None else environ,
            base=Path(source.name).parent,
            appliers=appliers,
            last_good=last_good,
            history=history,
            telling=Telling(audit, metrics),
        )
        self._mailbox = Mailbox()
        self._waiting: list[Waiting] = []
        self._outcome: ReloadOutcome | None = None
        self._fragments: dict[str, Fragment] = {}
        """What each source contributes to what is in force: its last good fragment."""
        self._refused: dict[str, tuple[Diagnostic, ...]] = {}
        """What is wrong with the sources that contribute something older than they say, or nothing."""
        self._files: dict[str, frozenset[str]] = {}
        self._orders: dict[str, int] = {}
        self._ended = False

    @property
    def outcome(self) -> ReloadOutcome | None:
        """What came of the last reload that was asked for or made a difference; None before ``start``."""
        return self._outcome

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file's bytes that are in force; empty while a copy from elsewhere is."""
        return self._pipeline.digest

    @property
    def source_name(self) -> str:
        """What diagnostics begin with."""
        return self._file.name

    async def check(self, document: Document) -> CheckResult:
        """What the file would put in force if it said this; nothing is applied."""
        update = Update(source=self._file.name, raw=document.raw, digest="")
        return await self._pipeline.check(update, document, others=self._others(self._file.name))

    async def start(self, require: frozenset[str] = frozenset()) -> Snapshot:
        """The first load. Raises ConfigRefused where there is nothing to serve.

        ``require`` names blocks (``packycode``, ``tppc``) that must be there, enabled and valid: then
        the last good copy of a broken file does not do.
        """
        began = time.perf_counter()
        for source in self._sources.values():
            if source is not self._file:
                await self._read_first(source)
        update = await self._read(self._file)
        found = await self._checked(update, require=require)
        if found.snapshot is not None:
            outcome = await self._pipeline.apply(update, found, "start", began=began)
            if not self._in_force(found, outcome, self._file.name):
                raise ConfigRefused(outcome.diagnostics)
        elif require:
            raise ConfigRefused(found.diagnostics)
        else:
            outcome = await self._start_on_copy(found.diagnostics, began)
        for name, diagnostics in self._refused.items():
            if name != self._file.name:
                self._pipeline.refuse(diagnostics, "start", name)
        self._outcome = self._whole(outcome)
        return self._current.get()

    async def run(self) -> None:
        """Follows the source and serves ``reload``, for ever; may be run again after it failed."""
        self._ended = False
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in self._sources.values():
                    tasks.create_task(supervised(f"the watch of {source.name}", partial(source.run, self._mailbox.put)))
                while True:
                    await self._mailbox.wait()
                    await self._turn()
        finally:
            self._ended = True
            waiting, self._waiting = self._waiting, []
            _answer(waiting, self._failed("the daemon is stopping", "shutdown"))

    async def reload(self, reason: str, written: Document | None = None) -> ReloadOutcome:
        """Reads now, applies or refuses, and says which. Calls that wait at the same time share a turn.
        Where the source says just what was ``written``, it is not parsed again."""
        if self._ended:
            return self._failed("the daemon is stopping", reason)
        answer: asyncio.Future[ReloadOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((reason, answer, written))
        self._mailbox.ring()
        return await answer

    async def _turn(self) -> None:
        updates = self._mailbox.take()
        waiting, self._waiting = self._waiting, []
        reason = ", ".join(dict.fromkeys(reason for reason, *_ in waiting)) or "file"
        outcome = self._failed("the daemon is stopping", reason)
        try:
            if waiting:
                written = next((each for *_, each in waiting if each is not None), None)
                outcomes = [
                    await self._take(await self._read(source), reason, asked=True, written=written)
                    for source in self._sources.values()
                ]
                outcome = self._outcome = self._whole(_of_all(outcomes))
            for update in updates:
                if update.order > self._orders.get(update.source, 0):
                    self._orders[update.source] = update.order
                    await self._take(update, "file", asked=False)
        except Exception as error:
            logger.opt(exception=error).error("a reload failed")
            outcome = self._outcome = self._failed(f"internal error: {type(error).__name__}, see the log", reason)
        finally:
            _answer(waiting, outcome)

    async def _take(
        self, update: Update, reason: str, *, asked: bool, written: Document | None = None
    ) -> ReloadOutcome:
        self._notify.reloading()
        try:
            outcome = await self._load(update, reason, asked=asked, written=written)
            last = self._outcome
            if asked or outcome.changes or last is None or not (outcome.ok and last.ok and not last.degraded):
                self._outcome = self._whole(outcome)
            return outcome
        finally:
            self._notify.ready(status_line(self._outcome) if self._outcome else "")

    async def _load(self, update: Update, reason: str, *, asked: bool, written: Document | None) -> ReloadOutcome:
        began, name = time.perf_counter(), update.source
        found = await self._checked(update, written)
        if found.snapshot is None and not update.settled and not asked:
            await asyncio.sleep(RETRY_S)
            update = await self._read(self._sources[name])
            found = await self._checked(update)
        if found.snapshot is None:
            self._refused[name] = found.diagnostics
            return self._pipeline.refuse(found.diagnostics, reason, name)
        outcome = await self._pipeline.apply(update, found, reason, began=began, asked=asked)
        self._in_force(found, outcome, name)
        return outcome

    def _in_force(self, found: CheckResult, outcome: ReloadOutcome, name: str) -> bool:
        """Remembers what came of it; whether it was put in force, perhaps without providers that fail."""
        if outcome.ok:
            self._refused.pop(name, None)
        else:
            self._refused[name] = tuple(each for each in outcome.diagnostics if each.severity == "error")
        if outcome.ok or outcome.failing:
            self._fragments[name] = found.fragment
            return True
        return False

    async def _read_first(self, source: Source) -> None:
        """At the start, before config.yaml: a source that fails contributes nothing yet, and stops nobody."""
        update = await self._read(source)
        if update.fragment is not None and update.fragment.is_usable:
            self._fragments[source.name] = update.fragment
            self._watch(source.name, update.fragment)
        else:
            problems = update.fragment.diagnostics if update.fragment else ()
            self._refused[source.name] = (*problems, *((update.problem,) if update.problem else ()))

    def _whole(self, outcome: ReloadOutcome) -> ReloadOutcome:
        """The outcome for one source, with what is wrong with the others."""
        problems = (each for found in self._refused.values() for each in found)
        others = tuple(each for each in problems if each not in outcome.diagnostics)
        degraded = outcome.degraded or bool(self._refused)
        return structs.replace(outcome, degraded=degraded, diagnostics=(*outcome.diagnostics, *others))

    def _others(self, name: str) -> tuple[Fragment, ...]:
        return tuple(fragment for other, fragment in self._fragments.items() if other != name)

    async def _start_on_copy(self, diagnostics: tuple[Diagnostic, ...], began: float) -> ReloadOutcome:
        """Serves the last good copy; the file stays refused."""
        name = self._file.name
        copy = await self._pipeline.last_good(name)
        found = await self._pipeline.check(copy, others=self._others(name)) if copy else None
        if copy is None or found is None or found.snapshot is None:
            raise ConfigRefused(diagnostics)
        self._watch(name, found.fragment)
        applied = await self._pipeline.put_in_force(copy, found, "start", began=began)
        if not applied.ok:
            raise ConfigRefused(diagnostics)
        self._fragments[name], self._refused[name] = found.fragment, diagnostics
        logger.warning("{} is broken: serving the last good copy of it", name)
        return structs.replace(self._pipeline.refuse(diagnostics, "start", name), changes=applied.changes)

    async def _read(self, source: Source) -> Update:
        update = await source.read_now()
        self._orders[source.name] = max(self._orders.get(source.name, 0), update.order)
        return update

    async def _checked(
        self, update: Update, written: Document | None = None, *, require: frozenset[str] = frozenset()
    ) -> CheckResult:
        others, last_good = self._others(update.source), self._fragments.get(update.source)
        found = await self._pipeline.check(update, written, others=others, last_good=last_good, require=require)
        self._watch(update.source, found.fragment)
        return found

    def _watch(self, name: str, fragment: Fragment) -> None:
        """While a source is refused, what the configuration in force names stays watched, too."""
        before = self._files.get(name, frozenset())
        complete = fragment.is_usable and not fragment.failing
        self._files[name] = fragment.files if complete else before | fragment.files
        self._sources[name].watch(self._files[name])

    def _failed(self, message: str, reason: str) -> ReloadOutcome:
        diagnostic = Diagnostic(severity="error", code="not-reloaded", message=message, source=self._file.name)
        return failed(self._current.get_or_none(), (diagnostic,), reason)


def _of_all(outcomes: Sequence[ReloadOutcome]) -> ReloadOutcome:
    """One outcome for a reload of every source: that of the first that is refused, else of the last that changed."""
    refused = (each for each in outcomes if not each.ok)
    changed = (each for each in reversed(outcomes) if each.changes)
    return next(refused, None) or next(changed, None) or outcomes[-1]


def _answer(waiting: Iterable[Waiting], outcome: ReloadOutcome) -> None:
    for _, answer, _ in waiting:
        if not answer.done():  # the caller may have gone away
            answer.set_result(outcome)
