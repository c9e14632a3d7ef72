"""Changing config.yaml where it is hard to write: all of the change, or none of it and the reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.harness import ROOT, Daemon, daemon

KEY = "management-key-1"
TEXT = f"""\
# the gateway
remote-management: {{secret-key: {KEY}}}
packycode:
  enabled: true   # since May
  base-url: https://packy.example/v1
  credentials: {{openai-api-key: k}}
"""
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
GROWN = {"defaults": {"model": "m" * 4000}}
"""More than the page that the file has."""


def mounted(commands: str) -> tuple[str, ...]:
    """Runs what follows with mounts of its own, which end with it."""
    return (*NAMESPACE, "sh", "-ec", f'{commands}; exec "$@"', "sh")


DISK = "cp etc/config.yaml kept; mount -t tmpfs -o size=64k none etc; cp kept etc/config.yaml"
FILL = "dd if=/dev/zero of=etc/fill bs=4096 2>/dev/null || true"


def own_by_nobody(*paths: Path) -> None:
    for path in paths:
        os.chown(path, NOBODY, NOBODY)


def closed_directory(home: Path) -> None:
    own_by_nobody(home / "etc" / "config.yaml")


def closed_to_all(home: Path) -> None:
    closed_directory(home)
    (home / "etc" / "config.yaml").chmod(0o400)


def foreign_owner(home: Path) -> None:
    own_by_nobody(home / "etc")
    (home / "etc" / "config.yaml").chmod(0o666)


def foreign_and_closed(home: Path) -> None:
    own_by_nobody(home / "etc")
    (home / "etc" / "config.yaml").chmod(0o644)


def mounted_file(home: Path) -> None:
    shutil.copy(home / "etc" / "config.yaml", home / "host.yaml")


class Place(Struct, frozen=True):
    """How config.yaml got where it is, what the daemon runs under, and how a write ends there."""

    under: tuple[str, ...]
    status: int
    words: str = ""
    prepare: Callable[[Path], None] = lambda _: None


PLACES = {
    "full disk": Place(mounted(f"{DISK}; {FILL}"), 507, "no space to write the file"),
    "full disk, in place": Place(
        mounted(f"{DISK}; ln etc/config.yaml etc/twin; {FILL}"), 507, "no space to write the file"
    ),
    "read-only disk": Place(mounted(f"{DISK}; mount -o remount,ro etc"), 409, "read-only file system"),
    "mounted file": Place(mounted("mount --bind host.yaml etc/config.yaml"), 200, prepare=mounted_file),
    "read-only directory": Place(AS_NOBODY, 200, prepare=closed_directory),
    "read-only directory and file": Place(AS_NOBODY, 409, "permission denied", closed_to_all),
    "foreign owner": Place(AS_NOBODY, 200, prepare=foreign_owner),
    "foreign owner, read-only": Place(AS_NOBODY, 409, "permission denied", foreign_and_closed),
}


@pytest.fixture
def home() -> Iterator[Path]:
    """With config.yaml in a directory of its own, behind a symbolic link."""
    with tempfile.TemporaryDirectory(prefix="tppcd-") as directory:
        home = Path(directory)
        (home / "etc").mkdir()
        (home / "etc" / "config.yaml").write_text(TEXT)
        (home / "config.yaml").symlink_to("etc/config.yaml")
        for name in ("state", "run"):
            (home / name).mkdir()
        yield home


@pytest.mark.parametrize("name", PLACES)
def test_a_write_is_whole_or_refused_with_the_reason(home: Path, name: str) -> None:
    place = PLACES[name]
    skip_unless_possible(place.under)
    place.prepare(home)
    if place.under == AS_NOBODY:
        home.chmod(0o755)
        own_by_nobody(home / "state", home / "run")
    with daemon(None, home=home, under=place.under) as running:
        before = shown(running)
        answer = patch(running, GROWN)
        assert answer.status_code == place.status, answer.text
        now = seen(running).read_text()
        if place.status == 200:
            assert now == TEXT.rstrip("\n") + f"\n  defaults:\n    model: {'m' * 4000}\n"
            assert shown(running)["packycode"]["defaults"]["model"] == "m" * 4000
            assert shown(running)["generation"] == before["generation"] + 1
        else:
            assert place.words in answer.json()["message"]
            assert now == TEXT
            assert shown(running) == before
        assert set(os.listdir(seen(running).parent)) <= {"config.yaml", "fill", "twin"}
        assert seen(running).stat().st_uid == (NOBODY if "directory" in name else 0)


def patch(running: Daemon, body: object) -> Any:
    return running.http.patch(f"{running.url}/v0/management/packycode", json=body, headers={"x-management-key": KEY})


def shown(running: Daemon) -> dict[str, Any]:
    """What is in force: the block, and where the count stands."""
    headers = {"x-management-key": KEY}
    block: dict[str, Any] = running.get("/v0/management/packycode", headers=headers).raise_for_status().json()
    health = running.health()
    return {**block, **{key: health[key] for key in ("status", "generation", "revision")}}


def seen(running: Daemon) -> Path:
    """config.yaml as the daemon sees it, with its mounts."""
    return Path(f"/proc/{running.process.pid}/root{running.home}/etc/config.yaml")


def skip_unless_possible(under: tuple[str, ...]) -> None:
    if shutil.which(under[0]) is None:
        pytest.skip(f"{under[0]} is missing")
    if under == AS_NOBODY:
        command = [*AS_NOBODY, sys.executable, "-c", "import daemon"]
        reason = "another user cannot run the daemon here"
    else:
        command = [*NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"]
        reason = "no mount namespace of one's own here"
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip(reason)
