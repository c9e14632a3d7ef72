"""What is made in the state directory: by nobody else, for nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.service.sockets import BindError, bind_admin
from daemon.sources.write import WriteRefused
from daemon.state import exposed
from daemon.state.copies import History, LastGood
from daemon.state.exposed import exposed_config, exposed_state
from daemon.state.files import create_file, make_directory, read_file, replace_file
from daemon.state.unfinished import Unfinished
from daemon.state.write_lock import write_lock
from daemon.store.database import Database
from daemon.store.encryption import generated_keys
from daemon.store.errors import StoreError
from daemon.telemetry.audit import AuditFile
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy

CONFIG = Path("/etc/tppcd/config.yaml")


def audit(state: Path) -> None:
    AuditFile(state / "audit.jsonl", str).close()


def hosts(state: Path) -> None:
    EgressPolicy(state / "upstream-hosts.json").note(["a.example"], AllowedNetworks.PUBLIC)


def last_good(state: Path) -> None:
    LastGood(state, CONFIG).save(b"port: 1\n")


def history(state: Path) -> None:
    History(state, CONFIG).keep(b"port: 1\n", generation=1, revision="0" * 64, at=1.0)


def unfinished(state: Path) -> None:
    with Unfinished(state, CONFIG).keep(b"a", b"b"):
        pass


def lock(state: Path) -> None:
    with write_lock(state):
        pass


def keys(state: Path) -> None:
    generated_keys(state, make=True)


def database(state: Path) -> None:
    Database(state / "providers.db").prepare()


def admin(state: Path) -> None:
    bind_admin(state / "admin.sock").close()


MAKERS = (audit, hosts, last_good, history, unfinished, lock, keys, database, admin)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def everything(state: Path) -> list[Path]:
    return [state, *state.rglob("*")]


@pytest.mark.parametrize("make", MAKERS)
def test_nobody_else_may_read_it_whatever_the_umask(make: Callable[[Path], None], state: Path, umask: None) -> None:
    make_directory(state)
    make(state)
    assert [path for path in everything(state) if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("leads_to", ["a file", "a directory", "nothing"])
def test_a_link_in_its_place_is_not_followed(make: Callable[[Path], None], leads_to: str, tmp_path: Path) -> None:
    """Each file and directory that is made there, in turn, is a link of somebody else's before."""
    make_directory(tmp_path / "first")
    make(tmp_path / "first")
    names = [path.relative_to(tmp_path / "first") for path in everything(tmp_path / "first")[1:]]
    assert names
    for number, name in enumerate(names):
        state, victim = tmp_path / f"state-{number}", tmp_path / f"victim-{number}"
        (state / name).parent.mkdir(parents=True)
        if leads_to == "a file":
            victim.write_text("")
        elif leads_to == "a directory":
            victim.mkdir()
        (state / name).symlink_to(victim)
        with suppress(OSError, WriteRefused, StoreError, BindError):
            make(state)
        assert victim.exists() == (leads_to != "nothing")
        assert not victim.is_file() or victim.read_text() == "", name
        assert not victim.is_dir() or list(victim.iterdir()) == [], name


def test_what_killed_writers_have_left_is_in_nobody_s_way(tmp_path: Path) -> None:
    path = tmp_path / "upstream-hosts.json"
    for name in (".upstream-hosts.json.new", ".upstream-hosts.json."):
        (tmp_path / name).mkdir()
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert (path.read_bytes(), len(list(tmp_path.iterdir()))) == (b"two", 3)


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe"):
        read_file(tmp_path / "pipe")
    with pytest.raises(OSError):
        create_file(tmp_path / "pipe", lock=True)
    assert read_file(tmp_path / "none") is None
    os.mkfifo(tmp_path / "upstream-hosts.json")
    EgressPolicy(tmp_path / "upstream-hosts.json").note(["a.example"], AllowedNetworks.PUBLIC)
    assert (tmp_path / "upstream-hosts.json").is_file()


def test_a_directory_of_an_older_version_gets_its_mode(state: Path) -> None:
    (state / "history").mkdir(parents=True)
    (state / "history").chmod(0o755)
    history(state)
    assert (state / "history").stat().st_mode & 0o777 == 0o700


def test_the_state_directory_itself_may_be_behind_a_link(tmp_path: Path) -> None:
    """systemd's is, with ``DynamicUser=``."""
    (tmp_path / "private").mkdir()
    (tmp_path / "state").symlink_to("private")
    last_good(tmp_path / "state")
    assert LastGood(tmp_path / "private", CONFIG).load() == b"port: 1\n"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o700, ""),
        (0o755, ""),
        (0o1777, ""),
        (0o770, "the group"),
        (0o775, "the group"),
        (0o777, "every user"),
        (0o702, "every user"),
    ],
)
def test_a_state_directory_that_others_can_write_to(state: Path, mode: int, words: str) -> None:
    state.mkdir()
    state.chmod(mode)
    found = exposed_state(state)
    assert (found is None) == (words == "")
    if found is not None:
        assert words in found.message and found.about == str(state) and found.hint.startswith("chmod ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_directories_of_other_users(state: Path) -> None:
    """One above counts too. Who owns config.yaml may have its directory."""
    inner = state / "inner"
    inner.mkdir(parents=True)
    assert exposed_state(inner) is None
    os.chown(state, 12_345, -1)
    found = exposed_state(inner)
    assert found is not None and found.about == str(state) and "another user" in found.message
    config = inner / "config.yaml"
    config.write_text("{}\n")
    assert exposed_config(config) is not None
    os.chown(config, 12_345, -1)
    assert exposed_config(config) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(
    ("uid_map", "safe"),
    [
        ("         0          0 4294967295\n", False),  # no user namespace: it is the user nobody
        ("         0          0          1\n       995        995          1\n", False),  # PrivateUsers= of the unit
        ("         0     100000      65536\n", True),  # a rootless container: it may be the host's root
        (None, True),
    ],
)
def test_whom_nobody_stands_for(
    uid_map: str | None, safe: bool, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "uid_map"
    if uid_map is not None:
        path.write_text(uid_map)
    monkeypatch.setattr(exposed, "UID_MAP", path)
    state.mkdir()
    os.chown(state, exposed.NOBODY, -1)
    assert (exposed_state(state) is None) == safe


def test_a_linked_config_is_looked_for_on_both_sides(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "b/real.yaml").write_text("{}\n")
    (tmp_path / "a/config.yaml").symlink_to("../b/real.yaml")
    for name in ("a", "b"):
        (tmp_path / name).chmod(0o777)
        found = exposed_config(tmp_path / "a/config.yaml")
        assert found is not None and found.about == str(tmp_path / name)
        (tmp_path / name).chmod(0o755)
    assert exposed_config(tmp_path / "a/config.yaml") is None
    assert exposed_config(tmp_path / "none/config.yaml") is None
