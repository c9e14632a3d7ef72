"""Saving config.yaml from a command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.cli.save import SaveRefused, save


def test_the_file_is_replaced_with_mode_kept_and_links_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_bytes(b"a")
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, b"a", b"b")
    assert (real.read_bytes(), real.stat().st_mode & 0o777, link.is_symlink()) == (b"b", 0o640, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.yaml", "real.yaml"]


def test_a_new_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    save(tmp_path / "config.yaml", b"", b"b")
    assert (tmp_path / "config.yaml").stat().st_mode & 0o777 == 0o600


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"theirs")
    for before in (b"mine", b""):
        with pytest.raises(SaveRefused, match="changed meanwhile"):
            save(path, before, b"new")
    assert path.read_bytes() == b"theirs"


def test_hard_links_are_not_parted(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a")
    os.link(path, tmp_path / "other")
    with pytest.raises(SaveRefused, match="hard links"):
        save(path, b"a", b"b")


def test_where_it_cannot_be_written_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaveRefused, match="no such file"):
        save(tmp_path / "gone" / "config.yaml", b"", b"b")
