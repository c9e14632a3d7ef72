"""What has to follow a new snapshot: those parts of the daemon that keep something of their own.

Registry and core auths are inside the snapshot, so this list is short: the log, and the live state
of core auths that have gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from daemon.reload.appliers import Applier
from daemon.snapshot.snapshot import Snapshot


class Log(Protocol):
    """The log as far as it follows the configuration."""

    def apply(self, snapshot: Snapshot) -> None: ...


class PerAuthState(Protocol):
    """What is kept of core auths by their IDs."""

    def keep_only(self, auth_ids: Iterable[str]) -> None: ...


def appliers(log: Log, live: Sequence[PerAuthState]) -> Sequence[Applier]:
    """In the order in which they are prepared."""

    @asynccontextmanager
    async def follow_log(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        """Prepared, not retired: a log file that cannot be opened refuses the snapshot, and the
        secrets of the new one are masked before its first line is written."""
        log.apply(new)
        yield

    @asynccontextmanager
    async def forget_gone(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        yield
        for state in live:
            state.keep_only(auth.id for auth in new.core_auths)

    return (follow_log, forget_gone)
