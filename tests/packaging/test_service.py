"""`make install` and `make uninstall`: what goes where, what stays, and that a failure changes nothing.

The interpreter is a stand-in that makes empty environments, so that no minute passes per test; `make soak` installs
with the real one, and tests/systemd_box starts what is installed.
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.test_house import ROOT

PYTHON = """\
#!/bin/sh
case "$*" in *"${FAIL:-nothing fails}"*) echo "stand-in: no $FAIL" >&2; exit 1 ;; esac
case "$*" in
    *base_prefix*) echo "${BASE:-/usr}" ;;
    "-m venv "*)
        for directory; do :; done
        mkdir -p "$directory/bin" "$directory/lib"
        touch "$directory/pyvenv.cfg"
        cp "$0" "$directory/bin/python" ;;
    *" --python "*)
        while [ "$1" != --python ]; do shift; done
        printf '#!%s\\n' "$2" > "${2%/*}/tppcd" ;;
esac
"""
STEPS = ("ensurepip", "-m venv", "download", "setuptools", "wheel", "--without-pip", "--python", "import daemon")
SERVICE = "etc/systemd/system/tppcd.service"
CONFIG = "etc/tppcd/config.yaml"
TARGETS = {
    "tppcd.service": SERVICE,
    "tppcd.socket": "etc/systemd/system/tppcd.socket",
    "tppcd.sysusers": "etc/sysusers.d/tppcd.conf",
    "tppcd.tmpfiles": "etc/tmpfiles.d/tppcd.conf",
}
"""A file of systemd/ -> where it is installed."""


class Machine:
    """A clone, and the root directory that it is installed into."""

    def __init__(self, directory: Path) -> None:
        self.clone, self.root = directory / "clone", directory / "root"
        for name in ("scripts", "systemd"):
            shutil.copytree(ROOT / name, self.clone / name)
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE"):
            shutil.copy(ROOT / name, self.clone / name)
        (self.clone / "daemon").mkdir()
        (self.clone / "docs").mkdir(mode=0o700)
        (self.clone / "docs/page.md").touch(mode=0o600)
        (self.clone / "config.yaml").write_text("port: 8317\n")
        python = self.clone / "python3"
        python.write_text(PYTHON)
        python.chmod(0o755)
        self.root.mkdir()
        self.release("1.0")

    def release(self, version: str) -> None:
        """Makes the clone one of ``version``."""
        (self.clone / "daemon/__init__.py").write_text(f'__version__ = "{version}"\n')

    def make(self, target: str, *variables: str, **environ: str) -> subprocess.CompletedProcess[str]:
        inherited = {"PATH": f"{self.clone}:{os.environ['PATH']}"}
        return subprocess.run(
            ["make", target, f"DESTDIR={self.root}", f"PYTHON={self.clone}/python3", *variables],
            cwd=self.clone,
            env={**inherited, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def do(self, target: str, *variables: str) -> str:
        done = self.make(target, *variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, str]:
        """Every file and link -> its content or target; the content of releases is left out."""
        found = {}
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file() and "/releases/" not in name:
                found[name] = path.read_text()
        return found

    def releases(self, app: str = "opt/tppcd") -> list[str]:
        return sorted(path.name.partition("-")[0] for path in (self.root / app / "releases").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_installed_and_what_an_uninstall_leaves(machine: Machine) -> None:
    said = machine.do("install")
    installed = machine.files()
    shipped = {path.name for path in (ROOT / "systemd").iterdir()}
    wanted = {target for name, target in TARGETS.items() if name in shipped}
    assert {"tppcd.service", "tppcd.sysusers"} <= shipped <= TARGETS.keys()
    links = {"opt/tppcd/current", "usr/local/bin/tppcd"}
    assert installed.keys() == wanted | links | {"opt/tppcd/installed", CONFIG}
    assert installed["usr/local/bin/tppcd"] == "/opt/tppcd/current/bin/tppcd"
    for shown in ("tppcd 1.0 in /opt/tppcd", "/usr/local/bin/tppcd", f"/{SERVICE}", f"/{CONFIG}, copied"):
        assert shown in said

    said = machine.do("uninstall")
    assert machine.files().keys() == {CONFIG}
    assert [str(path.relative_to(machine.root)) for path in machine.root.iterdir()] == ["etc"]
    assert "kept" in said and "/etc/tppcd" in said and "/var/lib/tppcd" in said
    assert "nothing is installed" in machine.do("uninstall")


def test_directories_that_were_there_stay(machine: Machine) -> None:
    for name in ("usr/local/bin", "etc/tmpfiles.d", "opt"):
        (machine.root / name).mkdir(parents=True)
    machine.do("install")
    machine.do("install")
    machine.do("uninstall")
    assert all((machine.root / name).is_dir() for name in ("usr/local/bin", "etc/tmpfiles.d", "opt"))
    assert not any((machine.root / name).exists() for name in ("etc/sysusers.d", "etc/systemd", "opt/tppcd"))


def test_the_configuration_is_private_and_the_program_is_for_everyone(machine: Machine) -> None:
    machine.do("install")
    modes = {name: (machine.root / name).stat().st_mode & 0o777 for name in ("etc/tppcd", CONFIG, SERVICE, "opt/tppcd")}
    assert list(modes.values()) == [0o700, 0o600, 0o644, 0o755]
    for path in (machine.root / "opt").rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & 0o044 == 0o044, path


@pytest.mark.parametrize("before", ["edited: true\n", "", None], ids=["edited", "empty", "a link to nowhere"])
def test_a_configuration_that_is_there_is_never_touched(machine: Machine, before: str | None) -> None:
    (machine.root / "etc/tppcd").mkdir(parents=True)
    if before is None:
        (machine.root / CONFIG).symlink_to("elsewhere")
    else:
        (machine.root / CONFIG).write_text(before)
    for target in ("install", "install", "uninstall", "install"):
        said = machine.do(target)
        assert machine.files()[CONFIG] == ("elsewhere" if before is None else before)
    assert "kept as it is" in said


def test_the_configuration_is_that_of_the_folder_or_the_one_that_is_named(machine: Machine) -> None:
    (machine.clone / "config.yaml").unlink()
    done = machine.make("install")
    assert (done.returncode, machine.files()) == (2, {})
    assert "there is no ./config.yaml" in done.stderr and "CONFIG=" in done.stderr
    (machine.clone / "mine.yaml").write_text("port: 1\n")
    machine.do("install", "CONFIG=mine.yaml")
    assert machine.files()[CONFIG] == "port: 1\n"


@pytest.mark.parametrize(
    ("variables", "app", "link", "units"),
    [
        ([], "/opt/tppcd", "usr/local/bin/tppcd", "etc/systemd/system"),
        (["PREFIX=/opt/tppcd/"], "/opt/tppcd", "usr/local/bin/tppcd", "etc/systemd/system"),
        (["PREFIX=/usr/local"], "/usr/local/lib/tppcd", "usr/local/bin/tppcd", "etc/systemd/system"),
        (["PREFIX=/usr"], "/usr/lib/tppcd", "usr/bin/tppcd", "usr/lib/systemd/system"),
        (["PREFIX=/srv/llm", "BINDIR=/usr/bin"], "/srv/llm/lib/tppcd", "usr/bin/tppcd", "etc/systemd/system"),
        (["UNITDIR=/lib/systemd/system"], "/opt/tppcd", "usr/local/bin/tppcd", "lib/systemd/system"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_unit_fits_the_prefix(machine: Machine, variables: list[str], app: str, link: str, units: str) -> None:
    machine.do("install", *variables)
    files = machine.files()
    assert files[link] == f"{app}/current/bin/tppcd"
    unit = files[f"{units}/tppcd.service"]
    assert f"\nExecStart={app}/current/bin/tppcd run --config /etc/tppcd/config.yaml\n" in unit
    assert f"\nDocumentation=file://{app}/current/share/doc/tppcd/how-to/systemd.md\n" in unit
    commands = [line for line in unit.splitlines() if line.startswith("Exec")]
    assert all(f"={app}/current/bin/tppcd " in line for line in commands)
    machine.do("uninstall", *variables)
    assert machine.files().keys() == {CONFIG}


@pytest.mark.parametrize("prefix", ["opt/tppcd", "/", "//", "/opt/a b", "/opt/../etc", "/opt/..", "/opt/$(id)"])
def test_a_prefix_that_is_no_plain_absolute_path_is_refused(machine: Machine, prefix: str) -> None:
    done = machine.make("install", f"PREFIX={prefix.replace('$', '$$')}")
    assert (done.returncode, machine.files()) == (2, {})
    assert f"PREFIX={prefix}" in done.stderr


def test_an_upgrade_switches_and_keeps_the_release_before(machine: Machine) -> None:
    (machine.clone / "systemd/tppcd-old.timer").write_text("[Timer]\n")
    machine.do("install")
    first = machine.files()
    assert "etc/systemd/system/tppcd-old.timer" in first
    (machine.clone / "systemd/tppcd-old.timer").unlink()
    machine.release("1.1")
    said = machine.do("install")
    assert "installed tppcd 1.1" in said and "before: 1.0-" in said and "kept as it is" in said
    assert first.keys() - machine.files().keys() == {"etc/systemd/system/tppcd-old.timer"}
    assert machine.files()["opt/tppcd/current"].startswith("releases/1.1-")
    assert machine.releases() == ["1.0", "1.1"]
    machine.release("1.2")
    machine.do("install")
    assert machine.releases() == ["1.1", "1.2"]


def test_a_release_that_a_process_still_runs_in_stays(machine: Machine) -> None:
    """A daemon imports parts of itself on their first use."""
    machine.do("install")
    (first,) = (machine.root / "opt/tppcd/releases").iterdir()
    with (
        (first / "bin/python").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ),
    ):
        for version in ("1.1", "1.2"):
            machine.release(version)
            machine.do("install")
        assert machine.releases() == ["1.0", "1.1", "1.2"]
    machine.release("1.3")
    machine.do("install")
    assert machine.releases() == ["1.2", "1.3"]


@pytest.mark.parametrize("step", STEPS)
def test_an_installation_that_fails_changes_nothing(machine: Machine, step: str) -> None:
    assert machine.make("install", FAIL=step).returncode == 2
    assert list(machine.root.iterdir()) == []

    machine.do("install")
    before = machine.files()
    machine.release("1.1")
    done = machine.make("install", FAIL=step)
    assert (done.returncode, machine.files(), machine.releases()) == (2, before, ["1.0"])
    assert "sudo systemctl" not in done.stdout


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"BASE": os.path.join("/", "root", ".pyenv/versions/3.11.9")}, "a service cannot read home directories"),
        ({"BASE": "/home/me/.local/share/uv/python/cpython-3.13"}, "PYTHON=/usr/bin/python3.12"),
        ({"FAIL": "version_info"}, "needs Python 3.11 or newer"),
        ({"FAIL": "ensurepip"}, "apt install python3-venv"),
    ],
    ids=lambda value: "",
)
def test_an_interpreter_that_the_service_cannot_use(machine: Machine, environ: dict[str, str], said: str) -> None:
    done = machine.make("install", **environ)
    assert (done.returncode, machine.files()) == (2, {})
    assert said in done.stderr


def test_only_root_installs_into_the_machine_itself(machine: Machine) -> None:
    (machine.clone / "id").write_text("#!/bin/sh\necho 1000\n")
    (machine.clone / "id").chmod(0o755)
    for target in ("install", "uninstall"):
        done = machine.make(target, "DESTDIR=", f"PREFIX={machine.root}")
        assert (done.returncode, list(machine.root.iterdir())) == (2, [])
        assert f"must be run as root: sudo make {target}" in done.stderr


def test_a_command_of_another_installation_is_not_replaced(machine: Machine) -> None:
    (machine.root / "usr/local/bin").mkdir(parents=True)
    (machine.root / "usr/local/bin/tppcd").write_text("#!/bin/sh\n")
    done = machine.make("install")
    assert (done.returncode, machine.files()) == (2, {"usr/local/bin/tppcd": "#!/bin/sh\n"})
    assert "/usr/local/bin/tppcd is another installation" in done.stderr


def test_a_unit_that_was_written_by_hand_is_kept_beside_the_new_one(machine: Machine) -> None:
    (machine.root / SERVICE).parent.mkdir(parents=True)
    (machine.root / SERVICE).write_text("[Service]\nEnvironment=FOX_API_KEY=x\n")
    said = machine.do("install")
    assert machine.files()[f"{SERVICE}.before"] == "[Service]\nEnvironment=FOX_API_KEY=x\n"
    assert f"/{SERVICE}.before" in said
    machine.release("1.1")
    assert ".before" not in machine.do("install")


@pytest.mark.soak
def test_what_is_really_installed_runs(tmp_path: Path) -> None:
    command = ["make", "install", f"DESTDIR={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (release,) = (tmp_path / "opt/tppcd/releases").iterdir()
    inside = f"/opt/tppcd/releases/{release.name}"
    assert (release / "bin/tppcd").read_text().startswith(f"#!{inside}/bin/python\n")
    named = subprocess.run(["grep", "-rl", str(tmp_path), release], capture_output=True, text=True, check=False)
    assert named.stdout == "", "files name the place where the package was made"
    for arguments in (["--version"], ["check", tmp_path / CONFIG]):
        subprocess.run([release / "bin/python", "-m", "daemon", *arguments], cwd=tmp_path, check=True)
