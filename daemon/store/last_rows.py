"""The rows that were read last, kept in the state directory for a start without the database.

One file per database, sealed as a whole with the encryption key under which the keys inside are sealed once more: it
holds URLs and headers, too. Another encryption key cannot open it, so it drops what was kept. Losing it costs a start
without the database, nothing else: problems are logged and stop nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole
from daemon.state.files import inner_directory, replace_in
from daemon.store.encryption import EncryptionKeys
from daemon.store.errors import StoreUnusable
from daemon.store.provider_row import Contents

DIRECTORY: Final = "store-rows"


class LastRows:
    """``url`` is only hashed, its password included: the copy of another database is never served."""

    def __init__(self, state_dir: Path, url: str) -> None:
        self._state_dir = state_dir
        self._path = state_dir / DIRECTORY / hashlib.sha256(url.encode()).hexdigest()
        self._kept: Contents | None = None

    def save(self, contents: Contents, keys: EncryptionKeys) -> None:
        """Unless it is what was kept last. Blocks for the fsyncs."""
        if contents == self._kept or not contents.fingerprint:
            return
        plain = msgspec.json.encode(contents).decode()
        try:
            with inner_directory(self._state_dir, DIRECTORY) as directory:
                replace_in(directory, self._path.name, keys.seal(plain, contents.fingerprint).encode("ascii"))
            self._kept = contents
        except OSError as error:
            logger.warning("the rows of the provider store could not be kept in {}: {}", self._path, error.strerror)

    def load(self, keys: EncryptionKeys | None) -> Contents | None:
        """What was kept; None where there is nothing, or nothing that these keys open."""
        if keys is None:
            return None
        try:
            text = keys.open(read_whole(str(self._path), MAX_BYTES).raw.decode("ascii", "replace"))
            self._kept = msgspec.json.decode(text, type=Contents)
        except (Unreadable, StoreUnusable, msgspec.DecodeError):
            return None
        return self._kept
