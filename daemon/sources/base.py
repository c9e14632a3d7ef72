"""What a source publishes: all of its content each time, with a digest that shows whether it is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.config.load import Fragment


class Update(Struct, frozen=True, kw_only=True):
    """One complete reading of a source.

    ``digest`` (SHA-256, hex) covers ``raw`` and the files that the configuration names, or the
    ``problem`` that kept it from being read (missing, unreadable, empty …; ``raw`` is then empty).
    ``order`` counts readings of this source upwards: an update with a lower order is older.
    ``fragment`` is set by a source that is not a text: what it contributes; ``raw`` is then empty.
    ``mode`` is the file's ``st_mode``, 0 for none. ``settled`` is false where it is not known whether
    a writer still had the file open.
    """

    source: str
    raw: bytes
    digest: str
    problem: Diagnostic | None = None
    order: int = 0
    settled: bool = True
    mode: int = 0
    fragment: Fragment | None = None


Publish = Callable[[Update], None]


class Source(Protocol):
    """``run`` publishes for ever, each new digest once; ``read_now`` reads at once and counts as
    published; ``watch`` names further files whose content belongs to the digest."""

    @property
    def name(self) -> str: ...

    async def run(self, publish: Publish) -> None: ...

    async def read_now(self) -> Update: ...

    def watch(self, files: frozenset[str]) -> None: ...
