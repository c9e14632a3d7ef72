"""What the log would refuse later is told with a place before; hashes of the management key."""

from __future__ import annotations

import argon2
import bcrypt
import pytest

from daemon.telemetry.log_outputs import parse_retention, parse_size
from tests.config.world import loaded


def is_taken(text: str) -> bool:
    return loaded(text).settings is not None


@pytest.mark.parametrize("text", ["20 MB", "0.5MiB", "512", "7 b", "1 GiB", "1 day", "0", "0 MB", "20 M", "x", ""])
def test_a_rotation_is_taken_where_the_log_takes_it(text: str) -> None:
    try:
        parse_size(text)
    except ValueError:
        assert not is_taken(f"logging: {{rotation: '{text}'}}")
    else:
        assert is_taken(f"logging: {{rotation: '{text}'}}")


@pytest.mark.parametrize("text", ["10 files", "1 file", "3", "14 days", "2 Weeks", "x", "1.5 days", "-1", ""])
def test_a_retention_is_taken_where_the_log_takes_it(text: str) -> None:
    try:
        parse_retention(text)
    except ValueError:
        assert not is_taken(f"logging: {{retention: '{text}'}}")
    else:
        assert is_taken(f"logging: {{retention: '{text}'}}")


HASHES = (bcrypt.hashpw(b"key", bcrypt.gensalt(4)).decode(), argon2.PasswordHasher(time_cost=1).hash("key"))


@pytest.mark.parametrize("stored", HASHES)
def test_a_whole_hash_is_taken_and_a_piece_of_one_is_not(stored: str) -> None:
    assert is_taken(f"remote-management: {{secret-key: '{stored}'}}")
    assert not is_taken(f"remote-management: {{secret-key: '{stored[:25]}'}}")
