"""The holder of the snapshot in force, and nothing more: one reference, assigned whole."""

from __future__ import annotations

from daemon.snapshot.snapshot import Snapshot


class Current:
    """``get`` once per request; ``set`` by the reload pipeline alone."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot

    def get(self) -> Snapshot:
        if self._snapshot is None:
            raise LookupError("no configuration is in force yet")
        return self._snapshot

    def get_or_none(self) -> Snapshot | None:
        return self._snapshot

    def set(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
