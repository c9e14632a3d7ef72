"""From updates to the snapshot in force: one update at a time, whatever caused it.

    update ─ check ─▶ snapshot of all sources ─ swap ─▶ in force: its fragment is the source's last good one
                 └──▶ errors: refused, the last good fragment stays

1. Who calls ``reload`` gets the outcome of a reading that began after the call.
2. An update older than one that was taken already is dropped.
3. Either the whole of an update is put in force, or nothing changes; a provider whose reference cannot be
   resolved is the exception: it keeps its last good settings, and the rest applies.
4. The same meaning again (equal revision) moves neither generation nor revision; what only the
   management views show (the text as written, warnings) is brought up to date all the same.
5. What upstreams list is no configuration: it is put in force between two updates, in the generation that is.
6. Nothing waits for ever: a reload that fails, or the end of the daemon, answers every caller.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from loguru import logger
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
from daemon.config.schema import Config
from daemon.reload.appliers import Applier, swap
from daemon.reload.check import CheckResult, check
from daemon.reload.file_in_force import FileInForce
from daemon.reload.mailbox import Mailbox, ReloadRequest, answer
from daemon.reload.outcome import ConfigRefused, ReloadOutcome, copy_served, not_applied, of_all, outcome_of
from daemon.reload.report import Events, Notify, Numbers, Reporter, news_of, news_of_lists, status_line
from daemon.reload.source_state import SourceState
from daemon.reload.supervise import supervised
from daemon.snapshot import summary
from daemon.snapshot.snapshot import Current, Snapshot, with_lists
from daemon.sources.base import Source, Update
from daemon.sources.lasting import LastingProblems
from daemon.state.copies import CONFIG, LAST_GOOD, History, LastGood

RETRY_S: Final = 0.4
"""How long a file that is wrong, and that a writer may still hold, is left alone before it is refused."""

Result = TypeVar("Result")


class Reloader:
    """``source`` is config.yaml. ``others`` makes the sources that give providers only; it is called once, with the
    settings of the start, which say where they are. ``environ`` is the daemon's environment: references
    and packycode's ambient settings come from it. Checks and copies block, on a thread of their own."""

    def __init__(
        self,
        *,
        current: Current,
        source: Source,
        others: Callable[[Config], Sequence[Source]] = lambda _: (),
        last_good: LastGood,
        history: History | None = None,
        appliers: Sequence[Applier] = (),
        audit: Events,
        metrics: Numbers,
        notify: Notify,
        environ: Mapping[str, str] | None = None,
        on_reload: Callable[[], None] = lambda: None,
        lasting: LastingProblems | None = None,
    ) -> None:
        self._on_reload, self._current = on_reload, current
        self._lasting = lasting or LastingProblems()
        self._file = SourceState(source)
        self._sources = {source.name: self._file}
        self._make_others = others
        known = os.environ if environ is None else environ
        self._check_update = partial(check, environ=known, base=Path(source.name).parent)
        self._in_force = FileInForce(last_good, history)
        self._appliers, self._notify = appliers, notify
        self._reporter = Reporter(audit, metrics)
        self._mailbox = Mailbox()
        self.put_lists = self._mailbox.put_lists
        """What upstreams list now, by core auth ID; it is in force soon."""
        self._outcome: ReloadOutcome | None = None
        self._ended = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="config-check")

    @property
    def outcome(self) -> ReloadOutcome | None:
        """Of the last reload that was requested or changed something, beside the lasting problems; None before it."""
        return self._outcome and self._outcome.with_lasting(self._lasting.now)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file's bytes that are in force; empty while a copy from elsewhere is."""
        return self._in_force.digest

    @property
    def source_name(self) -> str:
        """What diagnostics begin with."""
        return self._file.source.name

    async def check(self, document: Document) -> CheckResult:
        """What the file would put in force with this content, failing providers with their last good settings;
        nothing is applied."""
        update = Update(source=self.source_name, raw=document.raw, digest="")
        return await self._check(self._file, update, document)

    async def start(self, require: frozenset[str] = frozenset()) -> Snapshot:
        """The first load. Raises ConfigRefused where there is nothing to serve.

        ``require`` names blocks (``packycode``, ``tppc``) that must be there, enabled and valid: then
        the last good copy of a broken file does not do.
        """
        began = time.perf_counter()
        await self._off_loop(self._lasting.look_again)
        update = await self._file.read()
        result = await self._checked(self._file, update, None, *require)
        refused = () if result.snapshot else result.diagnostics
        if refused:
            if require:
                raise ConfigRefused(refused)
            update = await self._last_good_copy(refused)
            result = await self._checked(self._file, update)
        if result.snapshot is None:
            raise ConfigRefused(refused)
        for source in self._make_others(result.snapshot.config):
            state = self._sources[source.name] = SourceState(source)
            await state.read_first()
            if state.last_good is not None and (state.last_good.providers or state.last_good.diagnostics):
                result = await self._checked(self._file, update, None, *require)
        if refused:
            outcome = await self._start_on_copy(update, result, refused, began)
        else:
            outcome = await self._apply(update, result, "start", began=began)
            if not outcome.ok and not outcome.failing:
                raise ConfigRefused(outcome.diagnostics)
        for state in self._sources.values():
            if state is not self._file and state.problems:
                self._report_first(state)
        self._outcome = self._with_problems(outcome)
        return self._current.get()

    async def run(self) -> None:
        """Follows the sources and serves ``reload``, for ever; may be run again after it failed."""
        self._ended = False
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, state in self._sources.items():
                    run = partial(state.source.run, self._mailbox.put)
                    tasks.create_task(supervised(f"the watch of {name}", run))
                while True:
                    await self._mailbox.wait()
                    await self._turn(*self._mailbox.take())
                    await self._take_lists()
        finally:
            self._ended = True
            _, requests = self._mailbox.take()
            answer(requests, self._failed("the daemon is stopping", "shutdown"))

    async def reload(self, reason: str, written: Document | None = None, *, source: str = "") -> ReloadOutcome:
        """Reads now, applies or refuses, and says which. Calls that wait at the same time share a reload.
        If the file has exactly the bytes of ``written``, they are not parsed again. ``source`` is the name of the only
        source that has to be read; empty: all."""
        if self._ended:
            return self._failed("the daemon is stopping", reason)
        outcome = await self._mailbox.request(reason, written, source)
        if written is None and not source:
            self._on_reload()
            await self._off_loop(self._lasting.look_again)
            outcome = outcome.with_lasting(self._lasting.now, requested=True)
        return outcome

    async def _take_lists(self) -> None:
        """Puts in force what upstreams list. Between two turns, so that no update is checked meanwhile."""
        if (lists := self._mailbox.take_lists()) is not None:
            old = self._current.get()
            new = await self._off_loop(partial(with_lists, old, lists))
            news = await self._off_loop(partial(news_of_lists, old, new))
            self._current.set(new)
            await self._reporter.listed(news)

    async def _turn(self, updates: Sequence[Update], requests: tuple[ReloadRequest, ...]) -> None:
        reason = ", ".join(dict.fromkeys(each.reason for each in requests)) or "file"
        outcome = self._failed("the daemon is stopping", reason)  # what callers get if this is cancelled
        try:
            if requests:
                written = next((each.written for each in requests if each.written is not None), None)
                asked_for = {each.source for each in requests}
                outcomes = [
                    await self._take(await state.read(), reason, requested=True, written=written)
                    for name, state in self._sources.items()
                    if name in asked_for or "" in asked_for
                ]
                outcome = self._outcome = self._with_problems(of_all(outcomes))
            for update in updates:
                state = self._sources[update.source]
                if update.order > state.order:
                    state.order = update.order
                    await self._take(update, "file", requested=False)
        except Exception as error:
            logger.opt(exception=error).error("the reload ({}) failed", reason)
            outcome = self._outcome = self._failed(f"internal error: {type(error).__name__}, see the log", reason)
        finally:
            answer(requests, outcome)

    async def _take(
        self, update: Update, reason: str, *, requested: bool, written: Document | None = None
    ) -> ReloadOutcome:
        """Checks one update, and puts it in force or refuses it."""
        self._notify.reloading()
        try:
            began, state = time.perf_counter(), self._sources[update.source]
            result = await self._checked(state, update, written)
            if result.snapshot is None and not update.settled and not requested:
                # Half of a save, perhaps: without a lease the kernel cannot say whether its writer is done.
                await asyncio.sleep(RETRY_S)
                update = await state.read()
                result = await self._checked(state, update)
            if result.snapshot is None:
                outcome = self._refuse(state, result.diagnostics, reason)
            else:
                outcome = await self._apply(update, result, reason, began=began, requested=requested)
            last = self._outcome
            # A file that is good and was good before is no news: /healthz keeps the last reload that changed something.
            if requested or outcome.changes or last is None or not (outcome.ok and last.ok and not last.degraded):
                self._outcome = self._with_problems(outcome)
            return outcome
        finally:
            self._notify.ready(status_line(self._outcome) if self._outcome else "")

    async def _apply(
        self, update: Update, result: CheckResult, reason: str, *, began: float, requested: bool = False
    ) -> ReloadOutcome:
        """Puts a valid update in force, unless that is what is in force already, and keeps a copy of the file."""
        state, is_new = self._sources[update.source], self._in_force.is_new(update)
        outcome = await self._put_in_force(result, state, reason, began)
        if not outcome.ok:
            return outcome
        if failing := tuple(sorted(result.fragment.failing)):
            outcome = structs.replace(outcome, ok=False, degraded=True, failing=failing)
        state.take(result.fragment)
        saved = is_new or (requested and state is self._file)
        self._reporter.in_force(outcome, state.name, problems=state.problems, saved=saved)
        if update.fragment is None:
            self._in_force.set(update.raw)
            self._lasting.put(LAST_GOOD, None)
        if is_new or outcome.changes:
            await self._off_loop(partial(self._in_force.keep, outcome, CONFIG if state is self._file else state.name))
        return outcome

    async def _put_in_force(self, result: CheckResult, state: SourceState, reason: str, began: float) -> ReloadOutcome:
        old, new = self._current.get_or_none(), result.snapshot
        assert new is not None, "only what has no errors is applied"
        if old is None:
            generation = await self._off_loop(partial(self._in_force.first_generation, new))
            new = structs.replace(new, generation=generation)
        elif old.revision == new.revision:
            self._current.set(structs.replace(new, generation=old.generation))
            return self._outcome_now(result.diagnostics, reason, ok=True, began=began)
        news = await self._off_loop(partial(news_of, result.changes, old, new))
        try:
            await swap(self._current, new, self._appliers)
        except Exception as error:
            if not isinstance(error, OSError):  # a problem of the machine, not a bug: its text is enough
                logger.opt(exception=error).error("generation {} could not be applied", new.generation)
            return self._refuse(state, (not_applied(state.name, error),), reason)
        outcome = self._outcome_now(result.diagnostics, reason, ok=True, began=began)
        heading = summary.heading(result.changes, new, outcome.milliseconds, state.origin)
        outcome = structs.replace(outcome, changes=(heading, *summary.lines(result.changes)))
        await self._reporter.applied(outcome, news)
        return outcome

    def _refuse(self, state: SourceState, diagnostics: tuple[Diagnostic, ...], reason: str) -> ReloadOutcome:
        """Reports why; everything stays as it is."""
        state.problems = diagnostics
        outcome = self._outcome_now(diagnostics, reason, ok=False)
        self._reporter.refused(outcome, state.name, what="config" if state is self._file else state.name)
        return outcome

    async def _last_good_copy(self, diagnostics: tuple[Diagnostic, ...]) -> Update:
        """What an earlier life of the daemon has kept of config.yaml, which is refused for ``diagnostics``."""
        if (copy := await self._off_loop(partial(self._in_force.last_good, self.source_name))) is None:
            raise ConfigRefused(diagnostics)
        return copy

    async def _start_on_copy(
        self, copy: Update, result: CheckResult, diagnostics: tuple[Diagnostic, ...], began: float
    ) -> ReloadOutcome:
        """The file stays refused."""
        self._file.problems = diagnostics
        applied = await self._put_in_force(result, self._file, "start", began)
        if not applied.ok:
            raise ConfigRefused(diagnostics)
        self._file.last_good, self._in_force.raw = result.fragment, copy.raw
        self._lasting.put(LAST_GOOD, copy_served(self.source_name))
        return structs.replace(self._refuse(self._file, diagnostics, "start"), changes=applied.changes)

    def _report_first(self, state: SourceState) -> None:
        """What is wrong with another source at the start."""
        if state.last_good is None:
            self._refuse(state, state.problems, "start")
            return
        failing = tuple(sorted(state.last_good.failing))
        outcome = structs.replace(self._outcome_now(state.problems, "start", ok=False), failing=failing)
        self._reporter.in_force(outcome, state.name, problems=state.problems, saved=False)

    async def _checked(
        self, state: SourceState, update: Update, document: Document | None = None, *required: str
    ) -> CheckResult:
        """The check of what a source has published; the files that it names are watched from now on."""
        result = await self._check(state, update, document, *required)
        state.watch(result.fragment)
        return result

    async def _check(
        self, state: SourceState, update: Update, document: Document | None = None, *required: str
    ) -> CheckResult:
        work = partial(
            self._check_update,
            update,
            document,
            old=self._current.get_or_none(),
            others=[each.last_good for each in self._sources.values() if each is not state and each.last_good],
            last_good=state.last_good,
            require=frozenset(required),
        )
        return await self._off_loop(work)

    def _with_problems(self, outcome: ReloadOutcome) -> ReloadOutcome:
        """The outcome for one source, with what is wrong with the others."""
        problems = [each for state in self._sources.values() for each in state.problems]
        others = tuple(each for each in problems if each not in outcome.diagnostics)
        degraded = outcome.degraded or bool(problems)
        return structs.replace(outcome, degraded=degraded, diagnostics=(*outcome.diagnostics, *others))

    def _outcome_now(
        self, diagnostics: tuple[Diagnostic, ...], reason: str, *, ok: bool, began: float = 0.0
    ) -> ReloadOutcome:
        return outcome_of(self._current.get_or_none(), diagnostics, reason, ok=ok, began=began)

    def _failed(self, message: str, reason: str) -> ReloadOutcome:
        why = Diagnostic(severity="error", code="not-reloaded", message=message, source=self.source_name)
        return self._outcome_now((why,), reason, ok=False)

    async def _off_loop(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
