"""config.yaml as it is in force, and the copies that are kept of it over restarts."""

from __future__ import annotations

import hashlib

from daemon.reload.outcome import ReloadOutcome
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.base import Update
from daemon.state.copies import History, LastGood


class FileInForce:
    """``raw`` are the bytes in force. ``digest`` is their SHA-256 (hex); empty while they are those of the last good
    copy, because config.yaml has another content then. ``keep``, ``first_generation`` and ``last_good`` block."""

    def __init__(self, last_good: LastGood, history: History | None) -> None:
        self._last_good = last_good
        self._history = history
        self.raw = b""
        self.digest = ""

    def set(self, raw: bytes) -> None:
        """``raw`` is the content of config.yaml and in force now."""
        self.raw, self.digest = raw, hashlib.sha256(raw).hexdigest()

    def is_new(self, update: Update) -> bool:
        """Whether config.yaml has other bytes than those in force."""
        return update.fragment is None and hashlib.sha256(update.raw).hexdigest() != self.digest

    def keep(self, outcome: ReloadOutcome, source: str) -> None:
        """Keeps the bytes for the next start and for a rollback. A generation that another source has made, ``source``,
        has an entry in the history as well, which knows its number so."""
        self._last_good.save(self.raw)
        if self._history is not None:
            self._history.keep(
                self.raw, generation=outcome.generation, revision=outcome.revision, at=outcome.at, source=source
            )

    def first_generation(self, first: Snapshot) -> int:
        """Generations continue where the previous run of the daemon ended."""
        return first.generation if self._history is None else self._history.generation(first.revision)

    def last_good(self, source: str) -> Update | None:
        """The copy that an earlier run of the daemon has saved, as if it had just been read."""
        raw = self._last_good.load()
        return None if raw is None else Update(source=f"{source} (last good copy)", raw=raw, digest="")
