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
from pathlib import Path
from typing import Final

from loguru import logger
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
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
    """``environ`` is the daemon's environment: references and packycode's outer settings come from it."""

    def __init__(
        self,
        *,
        current: Current,
        source: Source,
        last_good: LastGood,
        history: History | None = None,
        appliers: Sequence[Applier] = (),
        audit: Events,
        metrics: Numbers,
        notify: Notify,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._current = current
        self._source = source
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
        self._files: frozenset[str] = frozenset()
        self._order = 0
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
        return self._source.name

    async def check(self, document: Document) -> CheckResult:
        """What the file would put in force if it said this; nothing is applied."""
        return await self._pipeline.check(Update(source=self._source.name, raw=document.raw, digest=""), document)

    async def start(self, require: frozenset[str] = frozenset()) -> Snapshot:
        """The first load. Raises ConfigRefused where there is nothing to serve.

        ``require`` names blocks (``packycode``, ``tppc``) that must be there, enabled and valid: then
        the last good copy of a broken file does not do.
        """
        began = time.perf_counter()
        update = await self._read()
        found = await self._checked(update, require=require)
        if found.snapshot is not None:
            outcome = await self._pipeline.apply(update, found, "start", began=began)
            if not outcome.ok:
                raise ConfigRefused(outcome.diagnostics)
        elif require:
            raise ConfigRefused(found.diagnostics)
        else:
            outcome = await self._start_on_copy(found.diagnostics, began)
        self._outcome = outcome
        return self._current.get()

    async def run(self) -> None:
        """Follows the source and serves ``reload``, for ever; may be run again after it failed."""
        self._ended = False
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(supervised(f"the watch of {self._source.name}", self._follow))
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

    async def _follow(self) -> None:
        await self._source.run(self._mailbox.put)

    async def _turn(self) -> None:
        updates = self._mailbox.take()
        waiting, self._waiting = self._waiting, []
        reason = ", ".join(dict.fromkeys(reason for reason, *_ in waiting)) or "file"
        outcome = self._failed("the daemon is stopping", reason)
        try:
            if waiting:
                written = next((each for *_, each in waiting if each is not None), None)
                outcome = await self._take(await self._read(), reason, asked=True, written=written)
            for update in updates:
                if update.order > self._order:
                    self._order = update.order
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
            if asked or outcome.changes or not (outcome.ok and self._outcome and self._outcome.ok):
                self._outcome = outcome
            return outcome
        finally:
            self._notify.ready(status_line(self._outcome) if self._outcome else "")

    async def _load(self, update: Update, reason: str, *, asked: bool, written: Document | None) -> ReloadOutcome:
        began = time.perf_counter()
        found = await self._checked(update, written)
        if found.snapshot is None and not update.settled and not asked:
            await asyncio.sleep(RETRY_S)
            update = await self._read()
            found = await self._checked(update)
        if found.snapshot is None:
            return self._pipeline.refuse(found.diagnostics, reason)
        return await self._pipeline.apply(update, found, reason, began=began, asked=asked)

    async def _start_on_copy(self, diagnostics: tuple[Diagnostic, ...], began: float) -> ReloadOutcome:
        """Serves the last good copy; the file stays refused."""
        copy = await self._pipeline.last_good(self._source.name)
        found = await self._pipeline.check(copy) if copy else None
        if copy is None or found is None or found.snapshot is None:
            raise ConfigRefused(diagnostics)
        self._watch(found)
        applied = await self._pipeline.put_in_force(copy, found, "start", began=began)
        if not applied.ok:
            raise ConfigRefused(diagnostics)
        logger.warning("{} is broken: serving the last good copy of it", self._source.name)
        return structs.replace(self._pipeline.refuse(diagnostics, "start"), changes=applied.changes)

    async def _read(self) -> Update:
        update = await self._source.read_now()
        self._order = max(self._order, update.order)
        return update

    async def _checked(
        self, update: Update, written: Document | None = None, *, require: frozenset[str] = frozenset()
    ) -> CheckResult:
        found = await self._pipeline.check(update, written, require=require)
        self._watch(found)
        return found

    def _watch(self, found: CheckResult) -> None:
        """While a file is refused, what the configuration in force names stays watched, too."""
        self._files = found.files if found.snapshot else self._files | found.files
        self._source.watch(self._files)

    def _failed(self, message: str, reason: str) -> ReloadOutcome:
        diagnostic = Diagnostic(severity="error", code="not-reloaded", message=message, source=self._source.name)
        return failed(self._current.get_or_none(), (diagnostic,), reason)


def _answer(waiting: Iterable[Waiting], outcome: ReloadOutcome) -> None:
    for _, answer, _ in waiting:
        if not answer.done():  # the caller may have gone away
            answer.set_result(outcome)
