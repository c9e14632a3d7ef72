"""Bytes at rest that no search finds a key in: what is kept of config.yaml may hold literal keys.

The key lies beside the data (both 0600), so this does not withstand somebody who has the whole
directory; it keeps keys out of backups of single files, support bundles and ``grep``. The form is
Fernet's (AES-CBC and HMAC, authenticated).
"""

from __future__ import annotations

from typing import Final

from cryptography.fernet import Fernet, InvalidToken

KEY_BYTES: Final = 44
"""A Fernet key as it is written: 32 bytes in URL-safe base64."""


def new_key() -> bytes:
    return Fernet.generate_key()


def seal(data: bytes, key: bytes) -> bytes:
    """Different at each call, also for the same data."""
    return Fernet(key).encrypt(data)


def unseal(sealed: bytes, key: bytes) -> bytes | None:
    """None where it was not sealed with this key, or has been damaged."""
    try:
        return Fernet(key).decrypt(sealed)
    except (InvalidToken, ValueError):
        return None
