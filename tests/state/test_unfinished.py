"""A write in place that is killed halfway: the next start makes the file whole, and touches nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.sources.write import is_between
from daemon.state.unfinished import Unfinished
from tests.harness import ROOT

SHORT, LONG = b"short: 1\n" * 2000, b"longer: 22\n" * 4000
KILLED = """
import os, signal, sys
from pathlib import Path
from daemon.state.unfinished import Unfinished
from daemon.sources.write import read_for_write, replace

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

real, state, step = os.pwrite, Path(sys.argv[2]), sys.argv[3]
if step == "half":
    os.pwrite = lambda descriptor, data, offset: real(descriptor, data[:5000], offset) if not offset else kill()
else:
    setattr(os, step, kill)
replace(read_for_write(sys.argv[1]), sys.stdin.buffer.read(), keep=Unfinished(state, Path(sys.argv[1])).keep)
"""


@pytest.mark.parametrize("before, after", [(SHORT, LONG), (LONG, SHORT)], ids=["longer", "shorter"])
@pytest.mark.parametrize("step", ["pwrite", "half", "ftruncate"])
def test_a_killed_write_is_taken_back_at_the_next_start(tmp_path: Path, before: bytes, after: bytes, step: str) -> None:
    path, state = tmp_path / "config.yaml", tmp_path / "state"
    path.write_bytes(before)
    os.link(path, tmp_path / "twin")
    command = [sys.executable, "-c", KILLED, str(path), str(state), step]
    ran = subprocess.run(command, input=after, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    Unfinished(state, path).take_back()
    assert path.read_bytes() in (before, after)
    assert [each.name for each in (state / "unfinished").iterdir()] == ["seal.key"]


@pytest.mark.parametrize(
    "now", [SHORT, LONG, b"by: hand\n", SHORT + b"by: hand\n"], ids=["old", "new", "other", "more"]
)
def test_a_whole_file_is_left_alone(tmp_path: Path, now: bytes) -> None:
    path, unfinished = tmp_path / "config.yaml", Unfinished(tmp_path / "state", tmp_path / "config.yaml")
    path.write_bytes(now)
    with unfinished.keep(SHORT, LONG):
        (kept,) = [each for each in (tmp_path / "state" / "unfinished").iterdir() if each.name != "seal.key"]
        assert (kept.stat().st_mode & 0o777, b"short" in kept.read_bytes()) == (0o600, False)
    unfinished.take_back()
    assert path.read_bytes() == now


@pytest.mark.parametrize(
    "now, expected",
    [
        (b"new", False),
        (b"older", False),
        (b"older\0", False),
        (b"newer", True),
        (b"nldXX", False),
    ],
)
def test_halfway_is_a_file_with_bytes_of_both_sides(now: bytes, expected: bool) -> None:
    assert is_between(now, b"older", b"new") is expected
