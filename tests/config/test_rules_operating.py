"""Log files: their sizes and how long they stay; hashes of the management key."""

from __future__ import annotations

import argon2
import bcrypt
import pytest

from daemon.config import log_sizes
from tests.config.world import loaded


def is_taken(text: str) -> bool:
    return loaded(text).settings is not None


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        *(("20 MB", 20_000_000), ("512KiB", 524_288), ("0.5MiB", 524_288), ("512", 512), ("7 b", 7)),
        *((" 1.5 gb ", 1_500_000_000), ("1 GiB", 2**30)),
        *((text, None) for text in ("", "MB", "0", "0 MB", "0.1", "20 M", "20 apples", "-1 MB", "00:00", "1 day", "x")),
    ],
)
def test_a_rotation_is_a_size(text: str, bytes_: int | None) -> None:
    assert log_sizes.size(text) == bytes_
    assert is_taken(f"logging: {{rotation: '{text}'}}") is (bytes_ is not None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        *(("10 files", (10, None)), ("1 file", (1, None)), ("3", (3, None))),
        *(("14 days", (None, 1_209_600.0)), ("1 week", (None, 604_800.0)), ("2 Weeks", (None, 1_209_600.0))),
        *((text, None) for text in ("", "x", "1.5 days", "-1", "for ever")),
    ],
)
def test_a_retention_is_a_number_of_files_or_of_days(text: str, kept: tuple[int | None, float | None] | None) -> None:
    assert log_sizes.retention(text) == kept
    assert is_taken(f"logging: {{retention: '{text}'}}") is (kept is not None)


HASHES = (bcrypt.hashpw(b"key", bcrypt.gensalt(4)).decode(), argon2.PasswordHasher(time_cost=1).hash("key"))


@pytest.mark.parametrize("stored", HASHES, ids=["bcrypt", "argon2id"])
def test_a_whole_hash_is_taken_and_a_piece_of_one_is_not(stored: str) -> None:
    assert is_taken(f"remote-management: {{secret-key: '{stored}'}}")
    assert not is_taken(f"remote-management: {{secret-key: '{stored[:25]}'}}")
