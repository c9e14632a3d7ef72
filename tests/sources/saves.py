"""The ways programs save a file, as real calls on real files: what each does, in the order it does it.

Each way has a ``prepare`` that lays the first content out (as a plain file unless it is about links)
and a ``save`` that replaces it; both take the path the daemon was given.
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.3
"""Seconds a slow writer takes between two writes; the fault itself, in the cases that use it."""


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def in_two_writes(path: Path, text: str) -> None:
    half = text.index("\n") + 1  # what is written first is a valid configuration, too
    with path.open("w") as file:
        file.write(text[:half])
        file.flush()
        time.sleep(PAUSE)
        file.write(text[half:])


def truncate_then_write(path: Path, text: str) -> None:
    with path.open("w") as file:
        time.sleep(PAUSE)
        file.write(text)


def truncate_close_write(path: Path, text: str) -> None:
    path.open("w").close()
    time.sleep(0.1)
    write(path, text)


def over_the_same_bytes(path: Path, text: str) -> None:
    with path.open("r+") as file:
        file.write(text)
        file.truncate()


def rename_over(path: Path, text: str) -> None:
    temporary = path.with_name(".config.yaml.tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def rename_from_elsewhere(path: Path, text: str) -> None:
    outside = path.parent.parent / "outside.yaml"
    write(outside, text)
    outside.rename(path)


def backup_by_rename(path: Path, text: str) -> None:
    """vim with ``backupcopy=no``: a probe file 4913, the old file aside, a new one, the backup gone."""
    probe = path.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = path.with_name(path.name + "~")
    path.rename(backup)
    write(path, text)
    backup.unlink()


def backup_by_copy(path: Path, text: str) -> None:
    backup = path.with_name(path.name + "~")
    shutil.copy2(path, backup)
    write(path, text)
    backup.unlink()


def name_in(text: str) -> str:
    return text.split("name: ")[1].split("\n")[0]


def vim(path: Path, text: str, *options: str) -> None:
    edit = f"%s/name: {name_in(path.read_text())}/name: {name_in(text)}/"
    command = ["vim", "-N", "-u", "NONE", "-i", "NONE", "-es", *options, "-c", edit, "-c", "wq", str(path)]
    subprocess.run(command, check=True, timeout=20)


def vim_rename(path: Path, text: str) -> None:
    vim(path, text, "--cmd", "set backup writebackup backupcopy=no")


def vim_copy(path: Path, text: str) -> None:
    vim(path, text, "--cmd", "set backup writebackup backupcopy=yes")


def sed_in_place(path: Path, text: str) -> None:
    edit = f"s/name: {name_in(path.read_text())}/name: {name_in(text)}/"
    subprocess.run(["sed", "-i", edit, str(path)], check=True, timeout=20)


def cp_over(path: Path, text: str) -> None:
    new = path.parent.parent / "cp-input"
    write(new, text)
    subprocess.run(["cp", str(new), str(path)], check=True, timeout=20)


def cp_with_old_time(path: Path, text: str) -> None:
    new = path.parent.parent / "cp-input"
    write(new, text)
    os.utime(new, (1_000_000_000, 1_000_000_000))
    subprocess.run(["cp", "-p", str(new), str(path)], check=True, timeout=20)


def same_size_and_time(path: Path, text: str) -> None:
    status = path.stat()
    write(path, text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def delete_and_recreate(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.1)
    write(path, text)


def hard_link_over(path: Path, text: str) -> None:
    new = path.with_name("new.yaml")
    write(new, text)
    path.unlink()
    os.link(new, path)
    new.unlink()


def through_another_name(path: Path, text: str) -> None:
    """What a bind mount of the single file looks like from inside: no event in this directory."""
    twin = path.parent.parent / "twin" / "config.yaml"
    over_the_same_bytes(twin, text)


def memory_map(path: Path, text: str) -> None:
    """Needs a text of the same length."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:] = text.encode()
        view.flush()


def directory_moved_away(path: Path, text: str) -> None:
    path.parent.rename(path.parent.with_name("old-directory"))
    path.parent.mkdir()
    write(path, text)


def config_map_swap(path: Path, text: str) -> None:
    """As the kubelet does it: a new directory, a new link beside, one rename over ``..data``."""
    directory = path.parent
    old = directory / os.readlink(directory / "..data")
    new = directory / f"..{time.time_ns()}"
    new.mkdir()
    write(new / path.name, text)
    (directory / "..data_tmp").symlink_to(new.name)
    (directory / "..data_tmp").rename(directory / "..data")
    shutil.rmtree(old)


def target_in_place(path: Path, text: str) -> None:
    write(path.resolve(), text)


def target_renamed(path: Path, text: str) -> None:
    rename_over(path.resolve(), text)


def link_replaced(path: Path, text: str) -> None:
    target = path.parent.parent / f"target-{time.time_ns()}.yaml"
    write(target, text)
    link = path.with_name("new-link")
    link.symlink_to(target)
    link.rename(path)


def lay_plain(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, text)


def lay_twin(path: Path, text: str) -> None:
    lay_plain(path, text)
    twin = path.parent.parent / "twin" / "config.yaml"
    twin.parent.mkdir()
    os.link(path, twin)


def lay_config_map(path: Path, text: str) -> None:
    lay_plain(path.parent / "..first" / path.name, text)
    (path.parent / "..data").symlink_to("..first")
    path.symlink_to(Path("..data", path.name))


def lay_link(path: Path, text: str) -> None:
    target = path.parent.parent / "elsewhere" / "real.yaml"
    lay_plain(target, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@dataclass(frozen=True)
class Way:
    save: Callable[[Path, str], None]
    prepare: Callable[[Path, str], None] = lay_plain
    program: str = ""

    @property
    def missing(self) -> str:
        """The program this way needs and the machine lacks."""
        return self.program if self.program and not shutil.which(self.program) else ""


WAYS = {
    way.save.__name__: way
    for way in (
        Way(write),
        Way(in_two_writes),
        Way(truncate_then_write),
        Way(truncate_close_write),
        Way(over_the_same_bytes),
        Way(rename_over),
        Way(rename_from_elsewhere),
        Way(backup_by_rename),
        Way(backup_by_copy),
        Way(vim_rename, program="vim"),
        Way(vim_copy, program="vim"),
        Way(sed_in_place, program="sed"),
        Way(cp_over, program="cp"),
        Way(cp_with_old_time, program="cp"),
        Way(same_size_and_time),
        Way(delete_and_recreate),
        Way(hard_link_over),
        Way(through_another_name, prepare=lay_twin),
        Way(memory_map),
        Way(directory_moved_away),
        Way(config_map_swap, prepare=lay_config_map),
        Way(target_in_place, prepare=lay_link),
        Way(target_renamed, prepare=lay_link),
        Way(link_replaced, prepare=lay_link),
    )
}
