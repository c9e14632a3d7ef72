"""The result of a reload."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.snapshot.snapshot import Snapshot


class ReloadOutcome(Struct, frozen=True, kw_only=True):
    """``ok``: what the sources say is in force, all of it; with no ``changes`` it is the same as before.

    ``failing`` are the providers (``config:tppc[fox]``) that are not, because a reference cannot be resolved;
    everything else is in force then. ``reason`` is what caused the reload (``start``, ``file``, ``SIGHUP``,
    ``management``); ``generation`` and ``revision`` are those in force after it (0 and "" where there is none);
    ``at`` is Unix seconds. ``degraded``: what is served is not what the sources say. ``changes`` are
    the lines of the change summary, the heading first. ``stale``: ``ok`` is false only because of a lasting problem,
    a file that was replaced on the host for example; what can be read is in force.
    """

    ok: bool
    reason: str
    generation: int
    revision: str
    at: float
    diagnostics: tuple[Diagnostic, ...] = ()
    degraded: bool = False
    changes: tuple[str, ...] = ()
    milliseconds: float = 0.0
    failing: tuple[str, ...] = ()
    stale: bool = False

    @property
    def refused(self) -> bool:
        """Whether what was in force before stays, all of it."""
        return not self.ok and not self.failing and not self.stale

    def with_lasting(self, problems: Sequence[Diagnostic], *, requested: bool = False) -> ReloadOutcome:
        """The outcome beside what is wrong around the daemon now. ``requested``: somebody waits for this reload."""
        if not problems:
            return self
        wrong = any(each.severity == "error" for each in problems)
        stale = self.ok and wrong and requested
        return structs.replace(
            self,
            ok=self.ok and not stale,
            stale=stale,
            degraded=self.degraded or wrong,
            diagnostics=(*self.diagnostics, *problems),
        )


class ConfigRefused(Exception):
    """There is no configuration to start with; ``diagnostics`` say why, errors among them."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(str(each) for each in diagnostics if each.severity == "error"))
        self.diagnostics = diagnostics


def outcome_of(
    snapshot: Snapshot | None, diagnostics: tuple[Diagnostic, ...], reason: str, *, ok: bool, began: float = 0.0
) -> ReloadOutcome:
    """The outcome of a reload after which ``snapshot`` is in force; ``began`` is when the work on it did
    (``time.perf_counter()``)."""
    return ReloadOutcome(
        ok=ok,
        reason=reason,
        generation=snapshot.generation if snapshot else 0,
        revision=snapshot.revision if snapshot else "",
        at=time.time(),
        diagnostics=diagnostics,
        degraded=not ok and snapshot is not None,
        milliseconds=(time.perf_counter() - began) * 1000 if began else 0.0,
    )


def of_all(outcomes: Sequence[ReloadOutcome]) -> ReloadOutcome:
    """One outcome for a reload of every source: that of the first that is refused, else of the last that changed."""
    refused = (each for each in outcomes if not each.ok)
    changed = (each for each in reversed(outcomes) if each.changes)
    return next(refused, None) or next(changed, None) or outcomes[-1]


def not_applied(source: str, error: Exception) -> Diagnostic:
    """Why a valid configuration could not be applied."""
    why = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        why = f"{error.strerror.lower()}: {error.filename}" if error.filename else error.strerror.lower()
    return Diagnostic(
        severity="error",
        code="not-applied",
        message=f"could not be applied: {why}",
        source=source,
        hint="fix that, then save again" if isinstance(error, OSError) else "the log has the details",
    )


def copy_served(source: str) -> Diagnostic:
    """What is shown as long as the last good copy of a broken file is in force."""
    return Diagnostic(
        severity="warning",
        code="last-good-copy",
        message="is broken: serving the last good copy of it",
        about=source,
        hint="correct the file: it is applied when it is saved",
    )
