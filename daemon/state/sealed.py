"""Bytes at rest that no search finds a key in: what is kept of config.yaml may hold literal keys.

The key lies beside the data (both 0600), so this does not withstand somebody who has the whole
directory; it keeps keys out of backups of single files, support bundles and ``grep``. The form is
Fernet's (AES-CBC and HMAC, authenticated).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from daemon.sources.reading import Unreadable, read_whole
from daemon.state.atomic import replace_file

KEY_FILE: Final = "seal.key"
KEY_BYTES: Final = 44
"""A Fernet key as it is written: 32 bytes in URL-safe base64."""


def seal_key(path: Path) -> bytes:
    """The key that lies at ``path``; one is made where there is none. Raises OSError."""
    try:
        key = read_whole(str(path), KEY_BYTES).raw
    except Unreadable:
        key = b""
    if len(key) != KEY_BYTES:
        key = Fernet.generate_key()
        replace_file(path, key)
    return key


def seal(data: bytes, key: bytes) -> bytes:
    """Different at each call, also for the same data."""
    return Fernet(key).encrypt(data)


def unseal(sealed: bytes, key: bytes) -> bytes | None:
    """None where it was not sealed with this key, or has been damaged."""
    try:
        return Fernet(key).decrypt(sealed)
    except (InvalidToken, ValueError):
        return None
