"""``doctor``: each line for what it looks at, and the exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from pathlib import Path

import pytest

from daemon import __version__
from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.doctor import OLDEST, clients, clock, config, directories, watch, writes
from daemon.cli.doctor_daemon import RunningDaemon, ask, environment, results
from daemon.service.admin import AdminClient
from tests.harness import Daemon, simulator


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path / "config.yaml"


def provider(url: str) -> str:
    return f"tppc:\n  providers:\n    - {{name: fox, enabled: true, base-url: '{url}', api-key: sk-planted}}\n"


def save(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_all_is_well_with_a_provider_that_answers(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with simulator() as upstream:
        save(path, provider(f"{upstream.url}/v1"))
        assert main(["doctor", "--config", str(path), "--format", "json"]) == exit_codes.OK
        assert upstream.state()["requests"]["open"] == 0
        assert upstream.requests == []
    lines = {line["about"]: line for line in json.loads(capsys.readouterr().out)}
    assert lines.keys() == {"config", "clients", "watch", "writes", "provider fox", "clock", "daemon"}
    assert {line["state"] for line in lines.values()} == {"ok"}
    assert list(path.parent.glob(".config.yaml.doctor*")) == []


def test_what_fails_is_told_with_what_to_do(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    save(path, provider(f"http://127.0.0.1:{port}"))
    assert main(["doctor", "--config", str(path)]) == exit_codes.FAILURE
    out = capsys.readouterr().out
    assert f"fail  provider fox: nothing listens on 127.0.0.1 port {port} (" in out
    assert "planted" not in out


def test_a_broken_config_fails_with_its_place(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(path, "port: high\n")
    assert main(["doctor", "--config", str(path)]) == exit_codes.FAILURE
    assert f"fail  config: {path}:1:7: error: port" in capsys.readouterr().out


def test_no_provider_is_a_warning(path: Path) -> None:
    save(path, "{}\n")
    assert [each.state for each in config(read(str(path)))] == ["warn"]


def test_the_watch_hears_a_sentinel(path: Path) -> None:
    save(path, "{}\n")
    assert asyncio.run(watch(path)).state == "ok"


def test_how_the_file_would_be_written(path: Path) -> None:
    save(path, "{}\n")
    assert "replaced atomically" in writes(path).text
    path.with_name("link").symlink_to(path)
    assert "replaced atomically" in writes(path.with_name("link")).text
    path.with_name("hard").hardlink_to(path)
    assert "hard links" in writes(path).text
    assert writes(path.with_name("gone")).state == "fail"


@pytest.mark.parametrize(
    ("settings", "state", "words"),
    [
        ("{}", "ok", "set api-keys before you put a reverse proxy in front"),
        ("host: localhost", "ok", "only callers on this host"),
        ("host: 127.0.0.9", "ok", "only callers on this host"),
        ("host: 0.0.0.0", "warn", "although the daemon listens on 0.0.0.0"),
        ("host: '::'", "warn", "although the daemon listens on ::"),
        ("remote-management: {trusted-proxies: [10.0.0.0/8]}", "warn", "names a proxy"),
        ("{host: 0.0.0.0, api-keys: [client-key-0123456789]}", "ok", "need one of api-keys"),
    ],
)
def test_who_may_call(path: Path, settings: str, state: str, words: str) -> None:
    """A proxy that adds no forwarding header cannot be recognised, so api-keys come first."""
    save(path, f"{settings}\n")
    checked = read(str(path))
    assert checked.snapshot is not None
    result = clients(checked.snapshot.config)
    assert result.state == state
    assert words in f"{result.text} ({result.hint})"


def test_directories_that_others_can_write_to(path: Path) -> None:
    save(path, "{}\n")
    state = path.parent / "state"
    state.mkdir(mode=0o700)
    path.parent.chmod(0o700)
    environ = {"STATE_DIRECTORY": str(state)}
    assert list(directories(path, environ)) == []
    state.chmod(0o770)
    (result,) = directories(path, environ)
    assert (result.state, result.hint) == ("warn", f"chmod g-w {state}")
    state.chmod(0o700)
    path.parent.chmod(0o777)
    both = [each.text for each in directories(path, environ)]
    assert len(both) == 2 and all(str(path.parent) in text for text in both)
    assert "config.yaml" in both[1]


def test_what_the_daemon_reports_of_itself(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(path, "{}\n")
    diagnostics = [
        {"severity": "error", "path": "port", "line": 2, "column": 7, "message": "must be a number", "hint": "8317"},
        {"severity": "warning", "path": "", "line": 0, "column": 0, "message": "m", "hint": "h", "about": "/a/place"},
    ]
    health = {"status": "degraded", "generation": 3, "last-reload": {"diagnostics": diagnostics}}
    monkeypatch.setattr(AdminClient, "request", lambda *_: (200, health))
    assert main(["doctor", "--config", str(path)]) == exit_codes.FAILURE
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "warn  daemon: running: degraded, generation 3",
        "fail  daemon: config.yaml:2:7: error: port: must be a number (8317)",
        "warn  daemon: /a/place: warning: m (h)",
    ]


def of_daemon(path: Path, health: dict[str, object], **process: object) -> list[str]:
    """What ``doctor`` says about a daemon with these answers, without the line about its state."""
    running = RunningDaemon(socket=Path("/s"), health={"status": "ok", **health}, process=process)
    lines = [f"{each.state} {each.about}: {each.text}" for each in results(running, path, (), {})]
    assert lines[0] == "ok daemon: running: ok, generation None"
    return lines[1:]


def test_where_the_daemon_differs_from_here(path: Path) -> None:
    save(path, "{}\n")
    assert of_daemon(path, {"version": __version__}, config=str(path)) == []
    path.with_name("link.yaml").symlink_to(path)
    assert of_daemon(path, {}, config=str(path.with_name("link.yaml"))) == []
    assert of_daemon(path, {"version": "0.0.1"}) == [
        f"warn version: tppcd 0.0.1 is running, {__version__} is installed here"
    ]
    assert of_daemon(path, {}, config="/etc/tppcd/config.yaml") == [
        f"warn daemon: the daemon reads /etc/tppcd/config.yaml, this test read {path}"
    ]
    lost = {"dropped-log-lines": 3}
    assert of_daemon(path, {}, **lost) == ["warn log: 3 log lines were lost since the start"]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"open": 23, "limit": 20000}, "ok files: 23 of 20000 file descriptors are open"),
        ({"open": 23, "limit": 256}, "warn files: 23 of 256 file descriptors are open"),
        ({"open": 1900, "limit": 2000}, "warn files: 1900 of 2000 file descriptors are open"),
        ({"open": None, "limit": 2000}, "ok files: at most 2000 file descriptors"),
        ({"open": 23, "limit": None}, ""),
    ],
)
def test_how_many_files_it_may_open(path: Path, files: dict[str, object], line: str) -> None:
    assert of_daemon(path, {}, files=files) == ([line] if line else [])


@pytest.mark.parametrize(
    ("there", "here", "lines"),
    [
        ({}, {"A": "x"}, []),
        ({"A": True}, {"A": "x"}, ["ok the same variables are set for the daemon and in this shell"]),
        ({"A": False}, {}, ["ok the same variables are set for the daemon and in this shell"]),
        ({"A": False, "B": True}, {"A": "x", "B": "y"}, ["warn set in this shell, but not for the daemon: A"]),
        ({"A": True, "B": True}, {}, ["ok set for the daemon, but not in this shell: A, B"]),
        (
            {"A": True, "B": False},
            {"B": "y"},
            ["warn set in this shell, but not for the daemon: B", "ok set for the daemon, but not in this shell: A"],
        ),
        ({"A": True}, {"A": "", "C": "z"}, ["ok set for the daemon, but not in this shell: A"]),
    ],
)
def test_the_environment_is_compared_by_names(there: dict[str, bool], here: dict[str, str], lines: list[str]) -> None:
    found = list(environment(there, there, here))
    assert [f"{each.state} {each.text}" for each in found] == lines


def test_what_only_this_shell_lacks_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon has the variable; that the check here cannot resolve it is no failure."""
    monkeypatch.delenv("FOX_KEY", raising=False)
    save(path, provider("https://fox.example").replace("sk-planted", "env:FOX_KEY"))
    checked = read(str(path))
    assert [each.state for each in config(checked, {"FOX_KEY": True})] == ["warn"]
    assert [each.state for each in config(checked, {"FOX_KEY": False})] == ["fail"]
    assert [each.state for each in config(checked, {"OTHER": True})] == ["fail"]


def test_the_environment_of_a_daemon_that_runs(
    here: Path, world: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PACKYCODE_API_KEY")
    main(["doctor"])
    out = capsys.readouterr().out
    assert "environment: set for the daemon, but not in this shell: PACKYCODE_API_KEY" in out
    assert "warn  config: config.yaml:" in out and "it is set for the running daemon; only this shell lacks it" in out
    assert f"warn  daemon: the daemon reads {world.config}, this test read {here / 'config.yaml'}" in out
    assert "sk-packy" not in out


def test_its_lines_fit_the_terminal(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(path, "{}\n")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["doctor", "--config", str(path)])
    lines = [re.sub(r"\x1b\[\d+m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if len(line) > 60 and str(path.parent) not in line] == []
    assert all(line.startswith(("ok    ", "warn  ", "fail  ", "      ")) for line in lines)
    assert "ok    clients: api-keys is empty: only callers on this host" in lines


def test_an_admin_socket_that_one_may_not_use(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: the socket of somebody else is needed")
    own = path.parent / "run"
    own.mkdir(mode=0o711)
    place = own / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        place.chmod(0o600)
        for parent in (path.parent, *path.parent.parents[:3]):
            if parent != Path("/tmp"):
                parent.chmod(0o755)
        save(path, "{}\n")
        os.seteuid(65534)
        try:
            assert main(["status", "--socket", str(place)]) == exit_codes.FAILURE
            said = ask(place)
        finally:
            os.seteuid(0)
    expected = f"no permission to use {place}: it belongs to root:root (run this as the daemon's user (sudo -u root)"
    assert expected in capsys.readouterr().err
    assert [each.state for each in results(said, path, (), {})] == ["warn"]


@pytest.mark.parametrize(
    "now, others, state",
    [
        (OLDEST + 10, [], "ok"),
        (OLDEST + 10, [OLDEST + 40], "ok"),
        (OLDEST + 10, [OLDEST + 200], "warn"),
        (OLDEST + 500, [OLDEST, OLDEST + 499, OLDEST + 500], "ok"),
        (5.0, [OLDEST], "fail"),
    ],
)
def test_the_clock(now: float, others: list[float], state: str) -> None:
    assert clock(now, others).state == state
