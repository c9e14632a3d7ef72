"""The log file: mode, turning over, keeping, being moved away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.telemetry.log_outputs import file_output, parse_retention, parse_size

LINE = "x" * 99 + "\n"


@pytest.mark.parametrize(
    ("text", "size"), [("20 MB", 20_000_000), ("512KiB", 524_288), ("100", 100), (" 1.5 gb ", 1_500_000_000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "0", "20 apples", "-1 MB", "00:00"])
def test_a_bad_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"logging\.rotation must be a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("10 files", (10, None)),
        ("1 file", (1, None)),
        ("3", (3, None)),
        ("14 days", (None, 1_209_600.0)),
        ("1 week", (None, 604_800.0)),
    ],
)
def test_retentions(text: str, kept: tuple[int | None, float | None]) -> None:
    assert parse_retention(text) == kept


def test_a_bad_retention_is_told() -> None:
    with pytest.raises(ValueError, match=r"logging\.retention must be like"):
        parse_retention("for ever")


def test_the_file_is_private_and_turned_over_by_size(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "tppcd.log"
    output = file_output(str(path), rotation="250", retention="2 files")
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
    output = file_output(str(path), rotation="150", retention="1 day")
    output.write(LINE)
    output.write(LINE)
    output.close()
    assert not ancient.exists() and stranger.exists()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_logrotate_moved_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "tppcd.log"
    output = file_output(str(path), rotation="1 MB", retention="2 files")
    output.write("one\n")
    path.rename(tmp_path / "moved")
    output.write("two\n")
    output.close()
    assert (tmp_path / "moved").read_text() == "one\n"
    assert path.read_text() == "two\n"
