"""The log file: mode, turning over, keeping, being moved away."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from daemon.telemetry.log_outputs import FileOutput

LINE = "x" * 99 + "\n"


def test_the_file_is_private_and_turned_over_by_size(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "tppcd.log"
    output = FileOutput(path, rotation=250, keep_files=2, keep_seconds=None)
    for _ in range(11):
        output.write(LINE)
    output.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == LINE
    old = [entry for entry in path.parent.iterdir() if entry != path]
    assert [entry.read_text() for entry in old] == [LINE * 2, LINE * 2]


def test_old_files_go_by_age(tmp_path: Path) -> None:
    path = tmp_path / "tppcd.log"
    ancient = tmp_path / "tppcd.log.20200101T000000.000000"
    ancient.write_text("old")
    os.utime(ancient, (0, 0))
    stranger = tmp_path / "tppcd.log.keep"
    stranger.write_text("not ours")
    output = FileOutput(path, rotation=150, keep_files=None, keep_seconds=86_400)
    output.write(LINE)
    output.write(LINE)
    output.close()
    assert not ancient.exists() and stranger.exists()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_logrotate_moved_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "tppcd.log"
    output = FileOutput(path, rotation=1_000_000, keep_files=2, keep_seconds=None)
    output.write("one\n")
    path.rename(tmp_path / "moved")
    output.write("two\n")
    output.close()
    assert (tmp_path / "moved").read_text() == "one\n"
    assert path.read_text() == "two\n"


@pytest.mark.parametrize("kind", ["pipe", "read pipe", "socket", "device", "directory"])
def test_what_is_no_regular_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    reader = -1
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "read pipe":
            os.mkfifo(path)
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "device":
            path = Path("/dev/full")
        case "directory":
            path.mkdir()
    with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
        FileOutput(path, rotation=250, keep_files=2)
    if reader >= 0:
        os.close(reader)


def test_links_are_followed_where_that_is_wanted(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch()
    link.symlink_to(target)
    FileOutput(link, rotation=250, keep_files=2).close()
    with pytest.raises(OSError, match="symbolic links"):
        FileOutput(link, rotation=250, keep_files=2, links=False)
