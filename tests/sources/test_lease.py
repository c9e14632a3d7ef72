"""The kernel says whether a writer is there, and our probe disturbs nobody."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from daemon.sources.lease import Lease, ignore_lease_breaks, probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ignore_lease_breaks()
    path = tmp_path / "file"
    path.write_text("x")
    return path


@pytest.mark.parametrize(
    ("mode", "lease"), [("r", Lease.FREE), ("a", Lease.BUSY), ("r+", Lease.BUSY), ("w", Lease.BUSY)]
)
def test_a_writer_is_seen_and_a_reader_is_not(path: Path, mode: str, lease: Lease) -> None:
    with path.open(mode):
        assert probe(str(path)) is lease
    assert probe(str(path)) is Lease.FREE


def test_nothing_to_probe_is_free(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "pipe", "missing"):
        assert probe(str(tmp_path / name)) is Lease.FREE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_owners_file_cannot_be_told() -> None:
    ignore_lease_breaks()
    with tempfile.NamedTemporaryFile() as file:
        os.fchmod(file.fileno(), 0o644)
        os.seteuid(54321)
        try:
            assert probe(file.name) is Lease.UNAVAILABLE
        finally:
            os.seteuid(0)


def test_probing_while_others_write_hurts_nobody(path: Path) -> None:
    """Without the ignored SIGIO this would end the process."""
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            path.write_text("y")

    writer = threading.Thread(target=write)
    writer.start()
    seen = {probe(str(path)) for _ in range(5000)}
    done.set()
    writer.join()
    assert seen <= {Lease.FREE, Lease.BUSY}
    assert signal.getsignal(signal.SIGIO) is signal.SIG_IGN


def test_without_ignoring_sigio_nothing_is_probed(path: Path) -> None:
    before = signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        assert probe(str(path)) is Lease.UNAVAILABLE
    finally:
        signal.signal(signal.SIGIO, before)
