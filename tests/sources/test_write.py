"""Writing config.yaml: whole or not at all, the file's likeness kept, nobody's edit lost."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.sources.lease import ignore_lease_breaks
from daemon.sources.reading import Unreadable
from daemon.sources.write import Conflict, DiskFull, WriteRefused, read_for_write, remove_stale_files, replace
from daemon.state.write_lock import write_lock
from tests.harness import ROOT

OLD = b"port: 8317 # old\n" * 200
NEW = b"port: 8318 # new\n" * 1000


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    ignore_lease_breaks()
    path = tmp_path / "config.yaml"
    path.write_bytes(OLD)
    yield path
    assert not [each for each in os.listdir(tmp_path) if each.endswith(".tmp")]


@pytest.mark.parametrize("data", [NEW, b"x: 1\n", OLD], ids=["longer", "shorter", "same"])
def test_the_new_bytes_replace_the_old(config: Path, data: bytes) -> None:
    replace(read_for_write(config), data)
    assert config.read_bytes() == data


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    file = read_for_write(path)
    assert (file.is_there, file.raw) == (False, b"")
    replace(file, NEW)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (NEW, 0o600)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444])
def test_the_mode_stays(config: Path, mode: int) -> None:
    config.chmod(mode)
    replace(read_for_write(config), NEW)
    assert config.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_the_owner_stays(config: Path) -> None:
    os.chown(config, 12, 34)
    replace(read_for_write(config), NEW)
    assert (config.stat().st_uid, config.stat().st_gid) == (12, 34)


def test_extended_attributes_stay(config: Path) -> None:
    try:
        os.setxattr(config, "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    replace(read_for_write(config), NEW)
    assert os.getxattr(config, "user.note") == b"kept"


def test_a_symbolic_link_stays_one(config: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.yaml"
    link.symlink_to("../config.yaml")
    replace(read_for_write(link), NEW)
    assert (link.is_symlink(), config.read_bytes()) == (True, NEW)


@pytest.mark.parametrize("data", [NEW, b"x: 1\n"], ids=["longer", "shorter"])
def test_a_hard_link_is_written_in_place(config: Path, tmp_path: Path, data: bytes) -> None:
    twin = tmp_path / "twin"
    os.link(config, twin)
    replace(read_for_write(config), data)
    assert twin.samefile(config)
    assert twin.read_bytes() == data


def test_a_bind_mount_is_written_in_place(tmp_path: Path) -> None:
    """In a mount namespace of its own, which ends with the process."""
    (tmp_path / "host.yaml").write_bytes(OLD)
    (tmp_path / "config.yaml").write_bytes(b"covered\n")
    program = (
        "import sys; from daemon.sources.write import read_for_write, replace;"
        "replace(read_for_write('config.yaml'), sys.stdin.buffer.read())"
    )
    command = f"mount --bind host.yaml config.yaml && exec {sys.executable} -c {program!r}"
    ran = _in_namespace(command, tmp_path, NEW)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (tmp_path / "host.yaml").read_bytes() == NEW
    assert (tmp_path / "config.yaml").read_bytes() == b"covered\n"


@pytest.mark.parametrize("linked", [False, True], ids=["renamed", "in place"])
def test_a_full_disk_loses_nothing(tmp_path: Path, linked: bool) -> None:
    """A file system of 64 KiB, filled up."""
    program = (
        "import os, sys; from daemon.sources.write import DiskFull, read_for_write, replace\n"
        "os.chdir('disk'); old = b'old: 1\\n' * 1000; open('config.yaml', 'wb').write(old)\n"
        f"{linked} and os.link('config.yaml', 'twin')\n"
        "try: replace(read_for_write('config.yaml'), b'n' * 200_000)\n"
        "except DiskFull as full: print(full.message)\n"
        "assert open('config.yaml', 'rb').read() == old\n"
        "print(sorted(os.listdir()))\n"
    )
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "disk").mkdir()
    ran = _in_namespace(f"mount -t tmpfs -o size=64k none disk && exec {sys.executable} program.py", tmp_path)
    assert ran.stderr == b""
    assert ran.stdout.startswith(b"there is no space to write the file")
    assert b".tmp" not in ran.stdout


def test_a_read_only_file_system_says_so(tmp_path: Path) -> None:
    program = (
        "from daemon.sources.write import WriteRefused, read_for_write, replace\n"
        "try: replace(read_for_write('disk/config.yaml'), b'new')\n"
        "except WriteRefused as refused: print(refused.message)\n"
    )
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "disk").mkdir()
    mounted = "mount -t tmpfs -o size=64k none disk && echo old > disk/config.yaml && mount -o remount,ro disk"
    ran = _in_namespace(f"{mounted} && exec {sys.executable} program.py", tmp_path)
    assert ran.stderr == b""
    assert ran.stdout == b"the file can be neither replaced nor written in place: read-only file system\n"


def _in_namespace(command: str, home: Path, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A shell command with mounts of its own; skips where the system gives none."""
    unshare = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
    try:
        if subprocess.run([*unshare, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode:
            pytest.skip("no mount namespace of one's own here")
    except FileNotFoundError:
        pytest.skip("unshare is missing")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*unshare, command], cwd=home, env=environment, input=sent, capture_output=True, timeout=60, check=False
    )


def _appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"# by hand\n")


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(OLD)
    os.replace(other, path)


@pytest.mark.parametrize("edit", [_appended, _replaced, Path.unlink], ids=["in place", "by rename", "removed"])
def test_what_was_edited_meanwhile_is_never_overwritten(config: Path, edit: Callable[[Path], None]) -> None:
    file = read_for_write(config)
    edit(config)
    after = config.read_bytes() if config.exists() else None
    with pytest.raises(Conflict):
        replace(file, NEW)
    assert (config.read_bytes() if config.exists() else None) == after


def test_a_file_that_somebody_is_writing_is_left_alone(config: Path) -> None:
    file = read_for_write(config)
    with config.open("r+b"), pytest.raises(Conflict, match="open for writing"):
        replace(file, NEW)
    assert config.read_bytes() == OLD


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_a_rename_that_is_refused_becomes_a_write_in_place(
    config: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "rename", _raising(code))
    inode = config.stat().st_ino
    replace(read_for_write(config), NEW)
    assert (config.read_bytes(), config.stat().st_ino) == (NEW, inode)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_an_owner_that_cannot_be_kept_becomes_a_write_in_place(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(config, 12, 34)
    monkeypatch.setattr(os, "fchown", _raising(errno.EPERM))
    inode = config.stat().st_ino
    replace(read_for_write(config), NEW)
    assert (config.read_bytes(), config.stat().st_ino) == (NEW, inode)


def test_an_owner_that_is_ours_needs_no_chown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit's sandbox refuses the call altogether, also where it would change nothing."""
    monkeypatch.setattr(os, "fchown", _raising(errno.EPERM))
    inode = config.stat().st_ino
    replace(read_for_write(config), NEW)
    assert config.read_bytes() == NEW and config.stat().st_ino != inode


def test_a_write_in_place_that_fails_half_way_puts_the_old_bytes_back(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.link(config, config.with_name("twin"))
    real, calls = os.pwrite, [0]

    def once(descriptor: int, data: bytes, offset: int) -> int:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, data[:100], offset)

    monkeypatch.setattr(os, "pwrite", once)
    with pytest.raises(WriteRefused, match="input/output error"):
        replace(read_for_write(config), NEW)
    assert config.read_bytes() == OLD


def test_a_disk_that_fills_up_late_loses_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _raising(errno.ENOSPC))
    with pytest.raises(DiskFull):
        replace(read_for_write(config), NEW)
    assert config.read_bytes() == OLD


def _raising(code: int) -> Callable[..., None]:
    def call(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(Unreadable):
        read_for_write(tmp_path / "config.yaml")


WRITER = """
import sys
from daemon.sources.write import read_for_write, replace
from daemon.sources.lease import ignore_lease_breaks
ignore_lease_breaks()
print("ready", flush=True)
sides = (b"a: 1\\n" * 3000, b"b: 22\\n" * 5000)
while True:
    for side in sides:
        replace(read_for_write(sys.argv[1]), side)
"""
SIDES = (b"a: 1\n" * 3000, b"b: 22\n" * 5000)


@pytest.mark.parametrize("times", [10, pytest.param(60, marks=pytest.mark.soak)])
def test_a_writer_that_is_killed_leaves_one_whole_file(tmp_path: Path, times: int) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(SIDES[0])
    for attempt in range(times):
        command = [sys.executable, "-c", WRITER, str(path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            inode, last = path.stat().st_ino, attempt % 7
            while last and writer.poll() is None:  # let it write some more, each time another number
                last, inode = last - (path.stat().st_ino != inode), path.stat().st_ino
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        assert path.read_bytes() in SIDES
    remove_stale_files(path)
    assert os.listdir(tmp_path) == ["config.yaml"]


def test_a_sweep_takes_only_what_nobody_holds(tmp_path: Path) -> None:
    names = [".config.yaml.0123abcd.tmp", ".config.yaml.aaaaaaaa.tmp", ".config.yaml.swp", ".other.yaml.0123abcd.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with (tmp_path / names[1]).open("wb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        assert remove_stale_files(tmp_path / "config.yaml") == 1
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    locked, results = threading.Event(), []

    def second() -> None:
        with write_lock(tmp_path / "state"):
            results.append(locked.is_set())

    with write_lock(tmp_path / "state"):
        thread = threading.Thread(target=second)
        thread.start()
        with pytest.raises(Conflict), write_lock(tmp_path / "state", patience=0):
            pass
        locked.set()
    thread.join()
    assert results == [True]
