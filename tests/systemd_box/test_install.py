"""`make install` on a machine that has never seen tppcd: start, upgrade, an upgrade that fails, uninstall. Minutes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd_box import box as systemd_box
from tests.systemd_box.box import CONFIG, CONFIG_TEXT, ROOT, SOCKET, UNIT, Box
from tests.test_house import name, tracked

PYTHON = "/usr/bin/python3"
"""Debian's: the box has no other that a service may run."""

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(bool(systemd_box.missing()), reason=systemd_box.missing() or "-"),
    pytest.mark.skipif(not Path(PYTHON).exists(), reason=f"needs {PYTHON}"),
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Without what the box has for the other tests, and with a clone and the wheels, since it has no network."""
    directory = tmp_path_factory.mktemp("install")
    subprocess.run([PYTHON, "-m", "venv", directory / "venv"], check=True)
    lock = ["--require-hashes", "-r", str(ROOT / "constraints.txt"), "--dest", str(directory / "wheels")]
    subprocess.run([str(directory / "venv/bin/pip"), "download", "--quiet", *lock], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOX_TTL", "1800")
        yield from _fresh(directory)


def _fresh(directory: Path) -> Iterator[Box]:
    with systemd_box.booted(directory) as box:
        units = (f"/etc/systemd/system/{unit}" for unit in (UNIT, SOCKET))
        box.do("rm", "-rf", "/etc/tppcd", "/etc/sysusers.d", *units)
        box.do("userdel", "tppcd")
        box.do("systemctl", "daemon-reload")
        _send(box, directory, ["wheels"], "/srv")
        _send(box, ROOT, [name(path) for path in tracked()], "/srv/clone")
        box.write("/srv/clone/config.yaml", CONFIG_TEXT)
        yield box


def _send(box: Box, directory: Path, names: list[str], target: str) -> None:
    """Copies files into the box, whose /tmp is its own."""
    box.do("mkdir", "-p", target)
    with subprocess.Popen(["tar", "c", "-C", directory, *names], stdout=subprocess.PIPE) as packed:
        subprocess.run([*box._enter, "tar", "x", "-C", target], stdin=packed.stdout, check=True)


def make(box: Box, target: str, wheels: str = "/srv/wheels") -> subprocess.CompletedProcess[str]:
    variables = ("PREFIX=/usr/local", f"PYTHON={PYTHON}", f"WHEELS={wheels}")
    command = [*box._enter, "make", "--no-print-directory", "-C", "/srv/clone", target, *variables]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def version(box: Box) -> str:
    found: str = json.loads(box.ask("/healthz"))["version"]
    return found


@pytest.mark.timeout(1800)
def test_install_start_upgrade_fail_uninstall(box: Box) -> None:
    done = make(box, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("next: sudo systemctl enable --now tppcd\n")
    owners = box.do("stat", "-c", "%U %a", "/etc/tppcd", CONFIG).split("\n")
    assert owners[:2] == ["tppcd 700", "tppcd 600"]
    box.do("systemctl", "enable", "--now", "tppcd")
    message = {"model": "flow/gpt-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    assert '"type":"message"' in box.ask("/v1/messages", json.dumps(message))
    first = version(box)

    box.write("/srv/clone/daemon/__init__.py", '__version__ = "99.0"\n')
    box.write(CONFIG, CONFIG_TEXT + "# mine\n")
    done = make(box, "install")
    assert done.stdout.endswith("next: sudo systemctl restart tppcd\n")
    assert version(box) == first, "what runs goes on until it is started again"
    box.do("systemctl", "restart", "tppcd")
    assert version(box) == "99.0"
    assert box.do("cat", CONFIG).endswith("# mine\n")

    box.write("/srv/clone/daemon/__init__.py", '__version__ = "99.1"\n')
    assert make(box, "install", wheels="/srv/no-wheels").returncode != 0
    box.do("systemctl", "restart", "tppcd")
    assert version(box) == "99.0"

    done = make(box, "uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert box.run("systemctl", "is-active", "tppcd").stdout == "inactive\n"
    left = box.run("find", "/usr/local", "/etc", "/var/lib/tppcd", "-name", "*tppcd*").stdout.split()
    assert left == ["/etc/tppcd", "/var/lib/tppcd"]
