"""What the reloader knows of one source: what it contributes, what is wrong with it, what it watches."""

from __future__ import annotations

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.config.load import Fragment
from daemon.sources.base import Source, Update


class SourceState(Struct, eq=False):
    source: Source
    last_good: Fragment | None = None
    """What it contributes to the snapshot in force."""
    problems: tuple[Diagnostic, ...] = ()
    """Why that is older than what the source says, or nothing; empty when all is well."""
    files: frozenset[str] = frozenset()
    """The files that it is asked to watch."""
    order: int = 0
    """The newest update that was taken."""

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def origin(self) -> str:
        """Where the first configuration is from: a file that is refused has contributed its last good copy."""
        return f"the last good copy of {self.name}" if self.problems else self.name

    async def read(self) -> Update:
        """A reading that begins now."""
        update = await self.source.read_now()
        self.order = max(self.order, update.order)
        return update

    async def read_first(self) -> None:
        """The first reading of a source beside config.yaml. One that fails contributes what it can, perhaps nothing
        yet, and stops nobody."""
        update = await self.read()
        fragment = update.fragment
        if fragment is None or not fragment.is_usable:
            problem = (update.problem,) if update.problem else ()
            self.problems = (*(fragment.diagnostics if fragment else ()), *problem)
            return
        self.take(fragment)
        self.watch(fragment)

    def take(self, fragment: Fragment) -> None:
        """``fragment`` is in force, without the providers that fail."""
        self.last_good = fragment
        errors = (each for each in fragment.diagnostics if each.severity == "error")
        self.problems = tuple(errors) if fragment.failing else ()

    def watch(self, fragment: Fragment) -> None:
        """The files of ``fragment``. While a source is refused, what the configuration in force names stays watched,
        too."""
        complete = fragment.is_usable and not fragment.failing
        self.files = fragment.files if complete else self.files | fragment.files
        self.source.watch(self.files)
