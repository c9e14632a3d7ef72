"""Encryption keys: their forms, their fingerprints, and keys that open themselves."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

from daemon.secret import Secret
from daemon.store.encryption import (
    KEY_FILE,
    EncryptionKeys,
    SealedKey,
    add_generated_key,
    drop_older_keys,
    encryption_keys,
    generated_keys,
)
from daemon.store.errors import StoreUnusable, WrongEncryptionKey

RAW = bytes(range(220, 252))
FORMS = [base64.b64encode(RAW).decode(), base64.urlsafe_b64encode(RAW).decode(), RAW.hex(), RAW.hex().upper()]


@pytest.mark.parametrize("written", FORMS)
def test_every_form_of_a_key_is_the_same_key(written: str) -> None:
    assert encryption_keys(f" {written}\n").fingerprints == EncryptionKeys((RAW,)).fingerprints


@pytest.mark.parametrize("written", ["", "  ", "correct horse battery staple", "abc", RAW.hex()[:-2], "ü" * 44])
def test_what_is_no_key_is_refused_with_the_way_to_make_one(written: str) -> None:
    with pytest.raises(StoreUnusable, match="openssl rand -base64 32") as caught:
        encryption_keys(written)
    assert not written.strip() or written not in str(caught.value)


def test_several_keys_are_newest_first_and_each_opens() -> None:
    old, new = EncryptionKeys((RAW,)), secrets.token_bytes(32)
    both = encryption_keys(f"{new.hex()},\n{RAW.hex()}")
    assert both.fingerprints == (EncryptionKeys((new,)).newest, old.newest)
    assert both.open(old.seal("sk-planted", old.newest)) == "sk-planted"
    assert old.open(both.seal("sk-planted", old.newest)) == "sk-planted"
    with pytest.raises(StoreUnusable, match="twice"):
        encryption_keys(f"{RAW.hex()} {FORMS[0]}")


def test_a_key_of_another_database_is_named_by_fingerprint_only() -> None:
    with pytest.raises(WrongEncryptionKey) as caught:
        EncryptionKeys((RAW,)).demand("0123456789abcdef", "the database")
    assert "0123456789abcdef" in str(caught.value)
    for form in FORMS:
        assert form not in repr(EncryptionKeys((RAW,))) + str(caught.value)


def test_a_damaged_seal_is_said_so_and_not_shown() -> None:
    keys = EncryptionKeys((RAW,))
    sealed = keys.seal("sk-planted", keys.newest)
    for damaged in (sealed[:-4], sealed[:20] + "A" + sealed[21:], "", "ü"):
        with pytest.raises(StoreUnusable, match="cannot be opened"):
            keys.open(damaged)


def test_a_sealed_key_opens_when_it_is_revealed_and_not_before() -> None:
    opened: list[str] = []

    def open_sealed(sealed: str) -> str:
        opened.append(sealed)
        return "sk-planted"

    key = SealedKey("gAAAA", "0011", open_sealed)
    assert (str(key), repr(key), f"{key}") == ("***", "Secret(***)", "***")
    assert key == SealedKey("gBBBB", "0011", open_sealed)  # sealed anew by a rekey
    assert key != SealedKey("gAAAA", "2233", open_sealed)
    assert key != Secret("sk-planted")
    assert key and len({key, SealedKey("gBBBB", "0011", open_sealed)}) == 1
    assert key.known_text == ""
    assert opened == []
    assert (key.reveal(), key.reveal(), opened) == ("sk-planted", "sk-planted", ["gAAAA"])
    assert key.known_text == "sk-planted"


def test_the_generated_key_is_made_once_and_only_when_it_is_wanted(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert generated_keys(state, make=False) is None
    assert not state.exists()
    made = generated_keys(state, make=True)
    assert made is not None
    assert (state / KEY_FILE).stat().st_mode & 0o777 == 0o600
    again = generated_keys(state, make=True)
    assert again is not None
    assert again.fingerprints == made.fingerprints


def test_a_rotation_of_the_generated_key_has_both_in_between(tmp_path: Path) -> None:
    old = generated_keys(tmp_path, make=True)
    add_generated_key(tmp_path)
    both = generated_keys(tmp_path, make=False)
    assert old is not None
    assert both is not None
    assert (len(both.fingerprints), both.fingerprints[1]) == (2, old.newest)
    drop_older_keys(tmp_path)
    alone = generated_keys(tmp_path, make=False)
    assert alone is not None
    assert alone.fingerprints == (both.newest,)


def test_a_key_file_that_is_damaged_is_refused_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("half a k")
    with pytest.raises(StoreUnusable):
        generated_keys(tmp_path, make=True)
    assert (tmp_path / KEY_FILE).read_text() == "half a k"
