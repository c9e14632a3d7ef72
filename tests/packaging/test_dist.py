"""`make dist`: the sdist is the repository, the wheel is what the program needs, and both know who they are."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

import daemon
from daemon.cli.exit_codes import CONFIG, OK
from tests.test_house import PROJECT, ROOT, name, tracked

STALE = "daemon/cli/deleted_long_ago.py"
GENERATED = {"PKG-INFO", "setup.cfg"}
"""What setuptools adds to an sdist, besides its egg-info."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which `make dist` ran, with the remains of an older build in it."""
    tree = tmp_path_factory.mktemp("clone")
    for path in tracked():
        target = tree / name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    for remains in (f"build/lib/{STALE}", f"daemon.egg-info/{STALE}"):
        (tree / remains).parent.mkdir(parents=True)
        (tree / remains).touch()
    # -o: the environment of this run is the one to build with, whatever its stamps say.
    command = ["make", "-o", f"{sys.prefix}/.locked", "dist", f"VENV={sys.prefix}"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path) -> zipfile.ZipFile:
    (path,) = (tree / "dist").glob("*.whl")
    assert path.name == f"tppcd-{daemon.__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"tppcd-{daemon.__version__}.dist-info/METADATA"))


def files(wheel: zipfile.ZipFile) -> set[str]:
    """Where each file of the wheel comes from in the repository, but for the wheel's own description."""
    data = f"tppcd-{daemon.__version__}.data/data/share/tppcd/"
    return {each.removeprefix(data) for each in wheel.namelist() if ".dist-info/" not in each}


def test_the_wheel_has_all_of_the_program_and_the_files_of_systemd_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    wanted = {name(path) for path in tracked() if name(path).startswith(("daemon/", "systemd/"))}
    assert files(wheel) == wanted


def test_the_sdist_is_the_repository(tree: Path) -> None:
    (path,) = (tree / "dist").glob("*.tar.gz")
    top = f"tppcd-{daemon.__version__}/"
    with tarfile.open(path) as archive:
        held = {each.name.removeprefix(top) for each in archive.getmembers() if each.isfile()}
    own = {each for each in held if each in GENERATED or each.startswith("tppcd.egg-info/")}
    assert held - own == {name(path) for path in tracked()} - GENERATED


def test_a_build_leaves_nothing_in_the_clone(tree: Path) -> None:
    known = {name(path).partition("/")[0] for path in tracked()}
    assert {path.name for path in tree.iterdir()} - known == {"dist"}


def test_the_metadata_says_what_pyproject_says(metadata: Message) -> None:
    project = PROJECT["project"]
    assert (metadata["Name"], metadata["Version"]) == (project["name"], daemon.__version__)
    assert metadata["Summary"] == project["description"]
    assert metadata["Requires-Python"] == project["requires-python"]
    assert (metadata["License-Expression"], metadata["License-File"]) == (project["license"], "LICENSE")
    assert sorted(metadata["Keywords"].split(",")) == project["keywords"]
    assert metadata.get_all("Classifier") == project["classifiers"]
    assert metadata.get_all("Requires-Dist") == project["dependencies"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload(decode=True) == (ROOT / "README.md").read_bytes()


def test_the_wheel_brings_one_command(wheel: zipfile.ZipFile) -> None:
    entries = wheel.read(f"tppcd-{daemon.__version__}.dist-info/entry_points.txt").decode()
    assert entries.split("\n")[:2] == ["[console_scripts]", "tppcd = daemon.cli:main"]


def test_a_container_is_built_from_all_that_the_wheel_needs(wheel: zipfile.ZipFile) -> None:
    """.dockerignore names what the image's build gets to see."""
    rules = (ROOT / ".dockerignore").read_text("utf-8").split()
    seen = {rule[1:] for rule in rules if rule.startswith("!")}
    needed = files(wheel) | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "scripts/build_backend.py"}
    assert rules[0] == "*" and {each for each in needed if each.partition("/")[0] not in seen} == set()


def test_the_program_runs_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """In an empty directory, with an empty HOME and without the clone: the first minutes of a newcomer."""
    wheel.extractall(tmp_path / "wheel")
    home = tmp_path / "home"
    home.mkdir()

    def tppcd(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from daemon.cli import main; sys.exit(main())", *arguments],
            cwd=home,
            env={"HOME": str(home), "PATH": os.defpath, "PYTHONPATH": str(tmp_path / "wheel")},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = tppcd()
    assert code == CONFIG and "tppcd init" in said, said
    for arguments in (["init", "vllm"], ["check"], ["store", "migrate"]):  # the migrations are files of their own
        code, said = tppcd(*arguments)
        assert code == OK, said
    assert {path.name for path in home.iterdir()} == {"config.yaml", ".local"}
