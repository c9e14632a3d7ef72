"""A reading is whole or refused, and never waits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from daemon.sources.reading import Unreadable, read_whole, stamp


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert read_whole(str(path), 100).raw == b"x" * 100
    with pytest.raises(Unreadable, match="has 100 bytes, the limit is 99"):
        read_whole(str(path), 99)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("missing", "missing", "does not exist"),
        ("file/below", "missing", "does not exist"),
        (".", "not-regular", "is a directory, not a regular file"),
        ("pipe", "not-regular", "is a pipe, not a regular file"),
        ("device", "not-regular", "is a device, not a regular file"),
        ("loop", "unreadable", "too many symbolic links"),
        ("a\0b", "unreadable", "is not a usable file name"),
        ("x" * 300, "unreadable", "file name too long"),
    ],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str, code: str, message: str) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Unreadable) as refused:
        read_whole(f"{tmp_path}/{name}")
    assert (refused.value.code, refused.value.message) == (code, message)
    assert refused.value.hint


def test_a_stamp_changes_with_everything_that_may_change_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    stamps = [stamp(str(path))]
    for text in ("one", "two", "longer"):
        path.write_text(text)
        os.utime(path, (0, 0))
        stamps.append(stamp(str(path)))
    new = tmp_path / "new"
    new.write_text("longer")
    os.utime(new, (0, 0))
    new.rename(path)
    stamps.append(stamp(str(path)))
    assert len(set(stamps)) == 5
    assert len(stamp("a\0b")) == 1


@pytest.mark.parametrize(
    ("path", "says"), [("/home/ann/fox.key", True), ("/home/fox.key", True), ("/etc/tppcd/fox.key", False)]
)
def test_a_home_directory_may_be_hidden_from_a_service(path: str, says: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(Unreadable, match="permission denied") as refused:
        read_whole(path)
    assert ("a systemd service does not see home directories" in refused.value.hint) == says
