"""A file that was mounted alone and replaced on the host: shown wherever an operator looks, until it is over."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import harness
from tests.harness import Daemon, tppcd, wait_for
from tests.sources.bind_mount import kept_under_another_name, renamed_over

NAMESPACE = ("unshare", "--mount", "--propagation", "private")
MOUNT = (*NAMESPACE, "sh", "-ec", 'mount --bind host.yaml config.yaml; mount --bind host.key key; exec "$@"', "sh")
SENTENCE = "was replaced on the host"
KEY = {"x-management-key": "management-key-1"}
TEXT = """\
remote-management: {secret-key: management-key-1}
tppc:
  providers:
    - {name: fox, enabled: true, base-url: 'http://127.0.0.1:9', api-key: 'file:key'}
    - {name: owl, enabled: false, base-url: 'http://127.0.0.1:9', api-key: k}
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Daemon]:
    if not shutil.which("unshare") or subprocess.run((*NAMESPACE, "true"), capture_output=True).returncode:
        pytest.skip("unshare is missing, or mount namespaces cannot be made here")
    for name, text in {"host.yaml": TEXT, "config.yaml": "", "host.key": "k1\n", "key": ""}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    with harness.daemon(None, home=tmp_path, under=MOUNT) as running:
        yield running


def inside(running: Daemon, *command: str) -> str:
    """What a command prints that runs where the daemon does, with its mounts."""
    enter = ("nsenter", "--mount", f"--wd={running.home}", "--target", str(running.process.pid))
    done = subprocess.run(
        (*enter, *command),
        cwd=running.home,
        env=harness.environment(running.home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_it_is_shown_until_it_is_mounted_again(mounted: Daemon) -> None:
    """``reload`` exits 1; ``status``, ``doctor`` and ``/healthz`` have the sentence; the log has it once."""
    place = str(mounted.config)
    doctor = (sys.executable, "-m", "daemon", "doctor")
    assert "warn  watch: config.yaml is mounted as a single file" in inside(mounted, *doctor)
    assert (tppcd("reload", home=mounted.home).returncode, mounted.health()["status"]) == (0, "ok")
    renamed_over(mounted.home / "host.yaml")
    for _ in range(2):
        reload = tppcd("reload", home=mounted.home)
        assert reload.returncode == 1
        assert f"{place}: error: {SENTENCE}" in reload.stderr and "mount its directory" in reload.stderr
    health = mounted.health()
    (shown,) = health["last-reload"]["diagnostics"]
    assert (health["status"], shown["severity"], shown["about"]) == ("degraded", "error", place)
    for stranger in ({"host": "evil.example"}, {"x-forwarded-for": "192.0.2.1"}):
        public = mounted.get("/healthz", headers=stranger).json()
        assert (public["status"], "diagnostics" in public["last-reload"]) == ("degraded", False)
    status = tppcd("status", home=mounted.home).stdout
    assert f"{place}: error: {SENTENCE}" in status and "  disabled  owl" in status
    assert f"fail  daemon: {place}: error: {SENTENCE}" in tppcd("doctor", home=mounted.home).stdout
    assert f"fail  watch: {place} {SENTENCE}" in inside(mounted, *doctor)
    write = mounted.http.patch(f"{mounted.url}/v0/management/packycode", json={"enabled": False}, headers=KEY)
    assert (write.status_code, SENTENCE in write.json()["message"]) == (409, True), "it would be lost"
    mounted.wait_log(SENTENCE)
    assert mounted.log.count(SENTENCE) == 1

    inside(mounted, "umount", "config.yaml")
    inside(mounted, "mount", "--bind", "host.yaml", "config.yaml")
    reload = tppcd("reload", home=mounted.home)
    assert (reload.returncode, reload.stderr) == (0, "")
    assert (mounted.health()["status"], mounted.health()["last-reload"]["diagnostics"]) == ("ok", [])


def test_a_key_that_was_replaced_is_seen_without_being_asked(mounted: Daemon) -> None:
    """A rotation that never arrives: the upstream would see the old key for ever."""
    kept_under_another_name(mounted.home / "host.key")
    wait_for(lambda: mounted.health()["status"] == "degraded", "the daemon to see it")
    (shown,) = mounted.health()["last-reload"]["diagnostics"]
    assert (shown["about"], SENTENCE in shown["message"]) == (str(mounted.home / "key"), True)
