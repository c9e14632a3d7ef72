"""The copy survives, belongs to one path, and shows no key."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.sources.reading import MAX_BYTES
from daemon.state.copies import LastGood

RAW = b"key: sk-planted-0123456789\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_bytes(RAW)
    return path


def test_what_was_saved_is_loaded_in_another_life(tmp_path: Path, config: Path) -> None:
    state = tmp_path / "state" / "deep"
    assert LastGood(state, config).load() is None
    for raw in (RAW, b"", b"x" * MAX_BYTES, RAW):
        LastGood(state, config).save(raw)
        assert LastGood(state, config).load() == raw


def test_the_same_again_is_not_written(tmp_path: Path, config: Path) -> None:
    last_good = LastGood(tmp_path, config)
    last_good.save(RAW)
    before = last_good.path.stat()
    last_good.save(RAW)
    after = last_good.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_it_is_found_by_the_real_path(tmp_path: Path, config: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(config)
    LastGood(tmp_path, config).save(RAW)
    assert LastGood(tmp_path, link).load() == RAW
    assert LastGood(tmp_path, tmp_path / "other.yaml").load() is None


def test_only_the_owner_reads_it_and_it_shows_no_key(tmp_path: Path, config: Path) -> None:
    state = tmp_path / "state"
    LastGood(state, config).save(RAW)
    files = [path for path in state.rglob("*") if path.is_file()]
    assert len(files) == 2  # the copy and the key that seals it; no temporary file is left over
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert not [path for path in files if b"planted" in path.read_bytes()]


@pytest.mark.parametrize("damage", ["copy", "cut", "key", "no key", "other key"])
def test_a_damaged_copy_is_none(tmp_path: Path, config: Path, damage: str) -> None:
    last_good = LastGood(tmp_path, config)
    last_good.save(RAW)
    key = last_good.path.with_name("seal.key")
    match damage:
        case "copy":
            raw = bytearray(last_good.path.read_bytes())
            raw[-40] ^= 1
            last_good.path.write_bytes(raw)
        case "cut":
            last_good.path.write_bytes(last_good.path.read_bytes()[:20])
        case "key":
            key.write_bytes(b"short")
        case "no key":
            key.unlink()
        case "other key":
            key.write_bytes(bytes(32))
    assert last_good.load() is None
    last_good.save(RAW)
    assert last_good.load() == RAW


def test_a_directory_that_cannot_be_written_stops_nothing(tmp_path: Path, config: Path) -> None:
    state = tmp_path / "state"
    state.write_text("in the way")
    LastGood(state, config).save(RAW)
    assert LastGood(state, config).load() is None
