"""How files are written in the state directory: replaced whole, and sealed where they may hold keys.

Copies of config.yaml may contain literal keys, so they are encrypted at rest. The key of the seal is in the same
directory (both 0600): this gives no protection against somebody who has the whole directory; it keeps keys out of
backups of single files, support bundles and ``grep``. The format is Fernet's (AES-CBC and HMAC, authenticated).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from daemon.sources.reading import MAX_BYTES, Unreadable, read_whole

KEY_FILE: Final = "seal.key"
KEY_BYTES: Final = 44
"""A Fernet key as it is written: 32 bytes in URL-safe base64."""


def replace_file(path: Path, data: bytes) -> None:
    """``path`` holds all of ``data`` (mode 0600) or its old content, whatever happens in between, a power
    loss included: the file is synced before it is renamed, and the rename synced too. Blocks for two fsyncs;
    raises OSError."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def name_for(config_path: Path) -> str:
    """The name of everything that is saved for a configuration, so that it is never used for another path: the
    SHA-256 of the real path (hex), symbolic links followed."""
    return hashlib.sha256(os.fsencode(os.path.realpath(config_path))).hexdigest()


class SealedDirectory:
    """A directory of sealed files, with the key that they share; it need not exist yet. Everything blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key_path = path / KEY_FILE

    def write(self, name: str, data: bytes) -> None:
        """Replaces a file. The key is made where there is none. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            key = self._key()
        except Unreadable:
            key = b""
        if len(key) != KEY_BYTES:
            key = Fernet.generate_key()
            replace_file(self._key_path, key)
        replace_file(self.path / name, Fernet(key).encrypt(data))

    def read(self, name: str, limit: int = 2 * MAX_BYTES) -> bytes | None:
        """The data; None where it has been damaged or sealed with another key. Raises Unreadable, also where the
        file has more than ``limit`` bytes, sealed."""
        key = self._key()
        sealed = read_whole(str(self.path / name), limit).raw
        try:
            return Fernet(key).decrypt(sealed)
        except (InvalidToken, ValueError):
            return None

    def _key(self) -> bytes:
        return read_whole(str(self._key_path), KEY_BYTES).raw
