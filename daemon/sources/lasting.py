"""What is wrong around the daemon, for as long as it lasts: shown where an operator looks, not once in the log.

Such a problem is no fault of the text of a configuration, so no reload finds it or ends it: a file whose mount is
deaf, a directory that others can write to. ``/healthz``, ``tppcd status``, ``tppcd doctor`` and ``tppcd reload`` show
every one that there is now; an error makes the daemon degraded.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from daemon.config.diagnostics import Diagnostic


class LastingProblems:
    """By key, which says what may be wrong. Each is logged when it begins and when it ends, unless ``quiet``.
    Any thread may call it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._by_key: dict[str, Diagnostic] = {}
        self._looks: dict[str, Callable[[], Diagnostic | None]] = {}

    @property
    def now(self) -> tuple[Diagnostic, ...]:
        return tuple(self._by_key.values())

    def look_for(self, key: str, look: Callable[[], Diagnostic | None]) -> None:
        """``look`` may block; ``look_again`` calls it."""
        self._looks[key] = look

    def look_again(self) -> None:
        """At the start, and when somebody asks for a reload."""
        for key, look in self._looks.items():
            self.put(key, look())

    def put(self, key: str, problem: Diagnostic | None) -> None:
        """``problem`` lasts from now on; None: all is well."""
        before = self._by_key.get(key)
        if problem == before:
            return
        if problem is not None:
            self._by_key[key] = problem
            self._log(problem.severity.upper(), str(problem))
        elif before is not None:
            del self._by_key[key]
            self._log("INFO", f"{before.about or before.source}: this is over: {before.message}")

    def _log(self, level: str, line: str) -> None:
        if not self._quiet:
            logger.log(level, "{}", line)
