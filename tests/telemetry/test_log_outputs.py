"""The log file: mode, turning over, keeping, being moved away."""

from __future__ import annotations

import contextlib
import gzip
import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.telemetry.log_outputs import FileOutput, PartlyWritten, StreamOutput
from daemon.telemetry.log_sink import Writer
from tests.harness import wait_for

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


def full_after(size: int) -> contextlib.AbstractContextManager[None]:
    """Files cannot be longer than ``size``: what a full disk is, seen from a program. The first part still fits."""

    @contextlib.contextmanager
    def limited() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited()


def test_a_full_disk_takes_whole_lines_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "tppcd.log"
    output = FileOutput(path, rotation=1_000_000, keep_files=2)
    with full_after(250):
        with pytest.raises(PartlyWritten) as full:
            output.write(LINE * 4)
        assert full.value.lines == 2
        with pytest.raises(PartlyWritten) as full:
            output.write(LINE)
        assert full.value.lines == 0
    output.write("later\n")
    output.close()
    assert path.read_text() == LINE * 2 + "later\n"


def test_a_stream_on_a_full_disk_begins_a_line_of_its_own_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    with path.open("a") as stream:
        output = StreamOutput(stream)
        with full_after(250), pytest.raises(PartlyWritten) as full:
            output.write(LINE * 4)
        output.write("later\n")
    assert full.value.lines == 2
    assert path.read_text() == LINE * 2 + LINE[:50] + "\nlater\n"


def test_every_line_is_written_or_counted_over_a_full_disk(tmp_path: Path) -> None:
    """And the line that says how many are missing says why."""
    path = tmp_path / "tppcd.log"
    writer = Writer(FileOutput(path, rotation=1_000_000, keep_files=2), lambda record: str(record["message"]), str)
    with full_after(20_050):
        for _ in range(1000):
            writer.put({"message": LINE}, 20)
        wait_for(lambda: writer.dropped == 800, "the disk to be full")
    writer.close(10)
    lines = path.read_text().splitlines()
    assert lines[:200] == [LINE.rstrip()] * 200
    assert lines[200:] == ["dropped 800 log lines: File too large"]


def test_lines_go_on_into_the_moved_file_while_none_can_be_opened(tmp_path: Path) -> None:
    """A directory that the daemon may not write to any more, or that is full of other things."""
    path = tmp_path / "logs" / "tppcd.log"
    output = FileOutput(path, rotation=1_000_000, keep_files=2)
    output.write("one\n")
    path.rename(tmp_path / "moved")
    path.mkdir()
    output.write("two\n")
    path.rmdir()
    output.write("three\n")
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="directory"):  # nobody would ever see what is written there
        output.write("four\n")
    path.rmdir()
    output.write("five\n")
    output.close()
    assert (tmp_path / "moved").read_text() == "one\ntwo\n"
    assert path.read_text() == "five\n"


def test_a_truncated_file_is_filled_from_its_beginning(tmp_path: Path) -> None:
    """logrotate's copytruncate."""
    path = tmp_path / "tppcd.log"
    output = FileOutput(path, rotation=1_000_000, keep_files=2)
    output.write("one\n")
    os.truncate(path, 0)
    output.write("two\n")
    output.close()
    assert path.read_bytes() == b"two\n"


def test_an_empty_text_only_looks_whether_the_file_was_moved(tmp_path: Path) -> None:
    """SIGUSR1."""
    path = tmp_path / "tppcd.log"
    output = FileOutput(path, rotation=1_000_000, keep_files=2)
    writer = Writer(output, lambda record: str(record["message"]), str)
    path.rename(tmp_path / "moved")
    writer.look_again()
    wait_for(path.exists, "the file to be opened again")
    writer.close(10)
    assert path.read_text() == ""


CONFIGURATIONS = {
    "create": "create 0600",
    "nocreate": "nocreate",
    "compressed at once": "create 0600\ncompress",
    "compressed next time": "create 0600\ncompress\ndelaycompress",
    "moved elsewhere": "create 0600\nolddir old",
}


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is missing: apt install logrotate")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_logrotate_loses_no_line(name: str, tmp_path: Path) -> None:
    """Rotated five times by logrotate itself while lines are written; each line is there once, in whatever file."""
    path, settings = tmp_path / "tppcd.log", tmp_path / "logrotate.conf"
    (tmp_path / "old").mkdir()
    tmp_path.chmod(0o755)
    settings.write_text(f"{path} {{\nrotate 100\nmissingok\n{CONFIGURATIONS[name]}\n}}\n")
    settings.chmod(0o644)
    writer = Writer(FileOutput(path, rotation=10**9, keep_files=2), lambda record: str(record["message"]), str)
    number = 0
    for _ in range(5):
        wait_for(path.exists, "a file to rotate")
        command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(settings)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as rotating:
            while rotating.poll() is None:
                writer.put({"message": f"{number}\n"}, 20)
                number += 1
                time.sleep(0.0005)
            assert rotating.returncode == 0, rotating.stderr and rotating.stderr.read()
    writer.close(10)
    assert writer.dropped == 0
    files = [*tmp_path.glob("tppcd.log*"), *(tmp_path / "old").iterdir()]
    assert len(files) > 4
    texts = [gzip.decompress(each.read_bytes()) if each.suffix == ".gz" else each.read_bytes() for each in files]
    assert sorted(int(line) for text in texts for line in text.split()) == list(range(number))


@pytest.mark.parametrize("method", ["rename", "unlink", "iterdir"])
def test_a_directory_that_does_not_allow_rotation_costs_no_line(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    output = FileOutput(tmp_path / "tppcd.log", rotation=150, keep_files=0)
    monkeypatch.setattr(Path, method, refused)
    for _ in range(3):
        output.write(LINE)
    monkeypatch.undo()
    output.close()
    assert "".join(each.read_text() for each in tmp_path.iterdir()) == LINE * 3
