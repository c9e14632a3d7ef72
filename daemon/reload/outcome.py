"""What came of a reload."""

from __future__ import annotations

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic


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
