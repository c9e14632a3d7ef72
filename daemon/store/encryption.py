"""Keys at rest: sealed with the encryption key, or a reference in their place; never in clear.

1. An encryption key is 32 random bytes, written in base64 (either alphabet) or hex. There may be several, newest first:
   the database says by ``fingerprint`` which of them its rows are sealed with, and ``rekey`` moves it to the first.
   So every daemon gets both keys, the database moves, and the old key goes, with no moment without a usable store.
2. A sealed key is bound to nothing but the encryption key: a row may be renamed or copied within its database.
3. The fingerprint is a hash of 32 random bytes and gives nothing away.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from daemon.secret import Secret
from daemon.sources.reading import Unreadable, read_whole
from daemon.state.files import make_directory, replace_file
from daemon.store.errors import StoreUnavailable, StoreUnusable, WrongEncryptionKey
from daemon.telemetry.logs import register_opened

KEY_FILE: Final = "store.key"
"""In the state directory: the key that is made where ``provider-store.encryption-key`` names none."""
MOST_BYTES: Final = 4096
KEY_BYTES: Final = 32
MAKE_ONE: Final = "make one by: openssl rand -base64 32"


class EncryptionKeys:
    """One key or several, newest first. Holds them in memory; prints as their fingerprints."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        """Each of 32 bytes."""
        self._fernets = {_fingerprint(key): Fernet(base64.urlsafe_b64encode(key)) for key in keys}

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """16 hex digits each, newest first."""
        return tuple(self._fernets)

    @property
    def newest(self) -> str:
        """The fingerprint of the key that ``rekey`` moves to and that a new database begins with."""
        return self.fingerprints[0]

    def seal(self, text: str, fingerprint: str) -> str:
        """Different at each call. ``fingerprint`` is one of ours."""
        return self._fernets[fingerprint].encrypt(text.encode("utf-8", "surrogatepass")).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text, whichever of the keys it was sealed with. Raises StoreUnusable."""
        if not self._fernets:
            raise StoreUnusable(
                "its key cannot be opened: there is no encryption key", "set provider-store.encryption-key"
            )
        try:
            raw = MultiFernet(list(self._fernets.values())).decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            raise StoreUnusable(
                "its key cannot be opened: it is damaged, or sealed with another encryption key", "set the key again"
            ) from None
        return raw.decode("utf-8", "surrogatepass")

    def demand(self, fingerprint: str, place: str) -> None:
        """Raises WrongEncryptionKey unless the key of this fingerprint is one of ours."""
        if fingerprint not in self._fernets:
            raise WrongEncryptionKey(place, fingerprint=fingerprint, own=self.fingerprints)

    def __repr__(self) -> str:
        return f"EncryptionKeys({', '.join(self.fingerprints)})"


class SealedKey(Secret):
    """A provider's key that is opened when it is revealed, and not before: a snapshot of 2,000 rows opens none.

    ``key_id`` stands for the text in comparisons and in the revision. Two of the same ``key_id`` are equal; one is
    never equal to a ``Secret`` in clear, which only means that a change is shown where there may be none.
    """

    __slots__ = ("_open", "_opened")

    def __init__(self, sealed: str, key_id: str, open_sealed: Callable[[str], str]) -> None:
        super().__init__(f"sealed\0{key_id}")
        self._open: Callable[[], str] = lambda: open_sealed(sealed)
        self._opened: str | None = None

    def reveal(self) -> str:
        """Raises StoreUnusable where it cannot be opened."""
        if self._opened is None:
            text = self._open()
            register_opened(text)
            self._opened = text
        return self._opened

    @property
    def known_text(self) -> str:
        return self._opened or ""


def new_key_id() -> str:
    """A name for a key that says nothing about it."""
    return secrets.token_hex(8)


def encryption_keys(text: str) -> EncryptionKeys:
    """The keys of ``provider-store.encryption-key``, separated by whitespace or commas. Raises StoreUnusable."""
    written = [each for each in re.split(r"[\s,]+", text) if each]
    if not written:
        raise StoreUnusable("provider-store.encryption-key is empty", MAKE_ONE)
    keys = tuple(_key_bytes(each) for each in written)
    if len(keys) != len(set(keys)):
        raise StoreUnusable("provider-store.encryption-key has the same key twice", "remove one")
    return EncryptionKeys(keys)


def generated_keys(state_dir: Path, *, make: bool) -> EncryptionKeys | None:
    """The keys that lie in the state directory. Where there are none: made if ``make``, else None.

    Blocks for the fsyncs of a small file. Raises StoreUnavailable, StoreUnusable.
    """
    path = state_dir / KEY_FILE
    try:
        return encryption_keys(read_whole(str(path), MOST_BYTES).raw.decode("ascii", "replace"))
    except Unreadable as why:
        if why.code != "missing":
            raise StoreUnavailable(f"the encryption key {path} {why.message}", why.hint) from None
    if not make:
        return None
    keep_keys(state_dir, (secrets.token_bytes(KEY_BYTES),))
    return generated_keys(state_dir, make=False)


def add_generated_key(state_dir: Path) -> None:
    """A new key before those that lie in the state directory: the first step of a rotation."""
    _rewrite(state_dir, lambda lines: [_written(secrets.token_bytes(KEY_BYTES)), *lines])


def drop_older_keys(state_dir: Path) -> None:
    """The newest key alone: the last step of a rotation, once nothing is sealed with the others."""
    _rewrite(state_dir, lambda lines: lines[:1])


def keep_keys(state_dir: Path, keys: tuple[bytes, ...]) -> None:
    """Writes the key file (mode 0600), whole or not at all."""
    try:
        make_directory(state_dir)
        replace_file(state_dir / KEY_FILE, "".join(f"{_written(each)}\n" for each in keys).encode("ascii"))
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise StoreUnavailable(f"the encryption key cannot be written to {state_dir}: {reason}") from error


def _rewrite(state_dir: Path, change: Callable[[list[str]], list[str]]) -> None:
    text = read_whole(str(state_dir / KEY_FILE), MOST_BYTES).raw.decode("ascii")
    keep_keys(state_dir, tuple(_key_bytes(each) for each in change(text.split())))


def _written(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode("ascii")


def _key_bytes(text: str) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text.translate(str.maketrans("-_", "+/")).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreUnusable("provider-store.encryption-key is not 32 bytes in base64 or hex", MAKE_ONE)
    return key


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"tppcd store key\0" + key).hexdigest()[:16]
