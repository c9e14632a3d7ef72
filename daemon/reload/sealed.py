"""Bytes at rest that no search finds a key in: what is kept of config.yaml may hold literal keys.

The key lies beside the data (both 0600), so this does not withstand somebody who has the whole
directory; it keeps keys out of backups of single files, support bundles and ``grep``. Encrypt then
MAC from the standard library: SHAKE-256 of key and nonce as key stream, HMAC-SHA-256 over the rest.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

KEY_BYTES: Final = 32
MAGIC: Final = b"tppcd-sealed-1\n"
_NONCE: Final = 24
_TAG: Final = 32


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def seal(data: bytes, key: bytes) -> bytes:
    """Different at each call, also for the same data."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = MAGIC + nonce + _mask(data, key, nonce)
    return sealed + _tag(sealed, key)


def unseal(sealed: bytes, key: bytes) -> bytes | None:
    """None where it was not sealed with this key, or has been damaged."""
    body, tag = sealed[:-_TAG], sealed[-_TAG:]
    if not body.startswith(MAGIC) or not hmac.compare_digest(tag, _tag(body, key)):
        return None
    start = len(MAGIC) + _NONCE
    return _mask(body[start:], key, body[len(MAGIC) : start])


def _mask(data: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = hashlib.shake_256(b"mask" + key + nonce).digest(len(data))
    return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(len(data))


def _tag(body: bytes, key: bytes) -> bytes:
    return hmac.digest(hashlib.sha256(b"tag" + key).digest(), body, "sha256")
