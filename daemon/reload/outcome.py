"""The result of a reload."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.snapshot.snapshot import Snapshot


class ReloadOutcome(Struct, frozen=True, kw_only=True):
    """``ok``: what the sources say is in force, all of it; with no ``changes`` it is the same as before.

    ``failing`` are the providers (``config:tppc[fox]``) that are not, because a reference cannot be resolved;
    everything else is in force then. ``reason`` is what caused the reload (``start``, ``file``, ``SIGHUP``,
    ``management``); ``generation`` and ``revision`` are those in force after it (0 and "" where there is none);
    ``at`` is Unix seconds. ``degraded``: what is served is not what the sources say. ``changes`` are
    the lines of the change summary, the heading first.
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
