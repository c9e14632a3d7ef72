"""``doctor``: each line for what it looks at, and the exit code."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.doctor import OLDEST, clients, clock, config, directories, watch, writes
from daemon.service.admin import AdminClient
from tests.harness import simulator


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
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
