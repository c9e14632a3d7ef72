"""The directories to listen to: where the path lies, where it leads, and what holds the first."""

from __future__ import annotations

from pathlib import Path

from daemon.sources.file import directories


def test_path_target_parent_and_named_files(tmp_path: Path) -> None:
    for name in ("etc/tppcd", "elsewhere", "keys", "vault"):
        (tmp_path / name).mkdir(parents=True)
    config, key = tmp_path / "etc/tppcd/config.yaml", tmp_path / "keys/key"
    config.symlink_to(tmp_path / "elsewhere/real.yaml")
    key.symlink_to(tmp_path / "vault/key")
    found = directories(str(config), [str(key), str(tmp_path / "missing/key")])
    assert set(found) == {str(tmp_path / name) for name in ("etc/tppcd", "etc", "elsewhere", "keys", "vault")}


def test_a_directory_in_the_place_of_another_is_another(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    before = directories(str(etc / "config.yaml"), [])
    etc.rename(tmp_path / "old")
    etc.mkdir()
    assert directories(str(etc / "config.yaml"), []) != before
