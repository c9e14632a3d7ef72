"""The steps of one reload: check, then apply or refuse. Knows no callers and no queue.

1. Either the whole of an update is put in force, or nothing changes.
2. The same meaning again (equal revision) moves neither generation nor revision; what only the
   management views show (the text as written, warnings) is brought up to date all the same.
3. Work that blocks runs on the pipeline's own thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from loguru import logger
from msgspec import structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document
from daemon.config.load import Fragment
from daemon.reload.appliers import Applier, swap
from daemon.reload.check import CheckResult, check
from daemon.reload.outcome import ReloadOutcome
from daemon.reload.telling import Telling
from daemon.snapshot import summary
from daemon.snapshot.current import Current
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.base import Update
from daemon.state.history import History
from daemon.state.last_good import LastGood

Result = TypeVar("Result")


class Pipeline:
    """One at a time: whoever calls does not call again before the last call has returned."""

    def __init__(
        self,
        *,
        current: Current,
        environ: Mapping[str, str],
        base: Path,
        appliers: Sequence[Applier],
        last_good: LastGood,
        history: History | None,
        telling: Telling,
    ) -> None:
        self._current = current
        self._check = partial(check, environ=environ, base=base)
        self._appliers = appliers
        self._last_good = last_good
        self._history = history
        self._telling = telling
        self._raw = b""
        """config.yaml as it is in force: kept again as soon as another source makes a generation of it."""
        self._saved = b""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="config-check")

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file's bytes that are in force; empty while those of the last good copy are."""
        return self._saved.hex()

    async def check(
        self,
        update: Update,
        document: Document | None = None,
        *,
        others: Sequence[Fragment] = (),
        last_good: Fragment | None = None,
        require: frozenset[str] = frozenset(),
    ) -> CheckResult:
        """What the update would put in force, or what is wrong with it."""
        old = self._current.get_or_none()
        work = partial(self._check, update, document, old=old, others=others, last_good=last_good, require=require)
        return await self._off_loop(work)

    async def last_good(self, source: str) -> Update | None:
        """The copy kept from an earlier life, as if it had just been read."""
        raw = await self._off_loop(self._last_good.load)
        return None if raw is None else Update(source=f"{source} (last good copy)", raw=raw, digest="")

    async def apply(
        self, update: Update, found: CheckResult, reason: str, *, began: float, asked: bool = False
    ) -> ReloadOutcome:
        """Puts it in force, unless that is what is in force already, and keeps the copy."""
        outcome = await self.put_in_force(update, found, reason, began=began, asked=asked)
        if outcome.ok:
            if found.fragment.failing:
                failing = tuple(sorted(found.fragment.failing))
                outcome = structs.replace(outcome, ok=False, degraded=True, failing=failing)
                self._telling.failing(outcome, update.source)
            else:
                self._telling.healthy(outcome, update.source, saved=asked or self._is_new(update))
            if self._is_new(update) or outcome.changes:
                if update.fragment is None:
                    self._saved = hashlib.sha256(update.raw).digest()
                await self._off_loop(lambda: self._keep(self._raw, outcome))
        return outcome

    async def put_in_force(
        self, update: Update, found: CheckResult, reason: str, *, began: float, asked: bool = False
    ) -> ReloadOutcome:
        """As ``apply``, but the file counts as no better than before: for the last good copy."""
        old, new = self._current.get_or_none(), found.snapshot
        assert new is not None, "only what has no errors is applied"
        if old is None:
            new = await self._numbered(new)
        if old is not None and old.revision == new.revision:
            self._in_force(update)
            outcome = self._refreshed(old, new, found.diagnostics, reason, began)
            if not found.fragment.failing:
                self._telling.unchanged(outcome, update.source, saved=asked or self._is_new(update))
            return outcome
        try:
            await swap(self._current, new, self._appliers)
        except OSError as error:  # of the machine, not of ours: its name says it all
            return self.refuse((_not_applied(update.source, error),), reason, update.source)
        except Exception as error:
            logger.opt(exception=error).error("generation {} could not be put in force", new.generation)
            return self.refuse((_not_applied(update.source, error),), reason, update.source)
        self._in_force(update)
        milliseconds = (time.perf_counter() - began) * 1000
        heading = summary.heading(found.changes, new, milliseconds)
        lines = (heading, *summary.lines(found.changes))
        outcome = self._outcome(reason, new, found.diagnostics, milliseconds, changes=lines)
        self._telling.applied(outcome, found.changes, old, new)
        return outcome

    def refuse(self, diagnostics: tuple[Diagnostic, ...], reason: str, source: str) -> ReloadOutcome:
        """Reports why, and leaves everything as it is."""
        snapshot = self._current.get_or_none()
        outcome = failed(snapshot, diagnostics, reason)
        self._telling.refused(outcome, source)
        return outcome

    async def _numbered(self, first: Snapshot) -> Snapshot:
        """The first snapshot of this life goes on where the last life ended."""
        history = self._history
        if history is None:
            return first
        return structs.replace(first, generation=await self._off_loop(lambda: history.generation(first.revision)))

    def _refreshed(
        self, old: Snapshot, new: Snapshot, diagnostics: tuple[Diagnostic, ...], reason: str, began: float
    ) -> ReloadOutcome:
        self._current.set(structs.replace(new, generation=old.generation))
        milliseconds = (time.perf_counter() - began) * 1000
        return self._outcome(reason, old, diagnostics, milliseconds)

    def _outcome(
        self,
        reason: str,
        snapshot: Snapshot,
        diagnostics: tuple[Diagnostic, ...],
        milliseconds: float,
        *,
        changes: tuple[str, ...] = (),
    ) -> ReloadOutcome:
        return ReloadOutcome(
            ok=True,
            reason=reason,
            generation=snapshot.generation,
            revision=snapshot.revision,
            at=time.time(),
            diagnostics=diagnostics,
            changes=changes,
            milliseconds=milliseconds,
        )

    def _keep(self, raw: bytes, outcome: ReloadOutcome) -> None:
        self._last_good.save(raw)
        if self._history is not None:
            self._history.keep(raw, generation=outcome.generation, revision=outcome.revision, at=outcome.at)

    def _in_force(self, update: Update) -> None:
        if update.fragment is None:
            self._raw = update.raw

    def _is_new(self, update: Update) -> bool:
        """Whether config.yaml has other bytes than those in force."""
        return update.fragment is None and hashlib.sha256(update.raw).digest() != self._saved

    async def _off_loop(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def failed(snapshot: Snapshot | None, diagnostics: tuple[Diagnostic, ...], reason: str) -> ReloadOutcome:
    """The outcome of a reload that changed nothing because it could not."""
    return ReloadOutcome(
        ok=False,
        reason=reason,
        generation=snapshot.generation if snapshot else 0,
        revision=snapshot.revision if snapshot else "",
        at=time.time(),
        diagnostics=diagnostics,
        degraded=snapshot is not None,
    )


def _not_applied(source: str, error: Exception) -> Diagnostic:
    why = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        why = f"{error.strerror.lower()}: {error.filename}" if error.filename else error.strerror.lower()
    return Diagnostic(
        severity="error",
        code="not-applied",
        message=f"could not be put in force: {why}",
        source=source,
        hint="mend that, then save again" if isinstance(error, OSError) else "the log has the details",
    )
