"""``reload``, ``status`` and ``events``: what they print for what the daemon answers, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.cli import main
from daemon.cli.status_page import page
from daemon.cli.terminal import Terminal
from tests.service.conftest import serving


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """The time zone as it was; set up before ``monkeypatch``, so that the environment is as it was by then."""
    yield
    time.tzset()


@pytest.fixture(autouse=True)
def _whole_lines(_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


AUTH = {
    "id": "tppc:fox:3dca86e468eb",
    "name": "fox",
    "base-url": "https://fox.example",
    "models": ["gpt-5", "gpt-5-high"],
    "state": "cooling",
    "reason": "429 from the upstream",
    "until": "2026-11-21T03:00:00Z",
}
LAST = {
    "ok": False,
    "at": "2026-11-21T02:00:00Z",
    "reason": "file",
    "diagnostics": [{"message": "bad", "line": 3, "column": 1}],
}
HEALTH = {
    "version": "0.1.0",
    "status": "degraded",
    "uptime": 93_784.2,
    "generation": 7,
    "revision": "ab" * 32,
    "last-reload": LAST,
}
DAEMON = {
    "version": "0.1.0",
    "pid": 77,
    "user": "fox",
    "config": "/etc/tppcd/config.yaml",
    "listening": ["127.0.0.1:8317", "[::1]:8317"],
    "in-flight": {"running": 2, "waiting": 1},
    "models": 23,
    "dropped-log-lines": 4,
}
WOLF = {"name": "wolf", "enabled": False, "source": "config:tppc[wolf]", "base-url": "https://wolf.example"}
DETAIL = {
    "severity": "error",
    "path": "port",
    "line": 2,
    "column": 7,
    "message": "must be a number",
    "hint": "e.g. 8317",
}

Answer = tuple[int, object]


class Daemon:
    """Answers each path with what the test says, 404 otherwise."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(f"{scope['method']} {scope['path']}")
        status, body = self.answers.get(scope["path"], (404, {"error": "not_found", "message": "no route"}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": data})


async def command(tmp_path: Path, answers: dict[str, Answer], *arguments: str) -> int:
    path = tmp_path / "admin.sock"
    async with serving(Daemon(answers), admin=path):
        return await asyncio.to_thread(main, [*arguments, "--socket", str(path)])


RELOADS = [
    (
        (200, {"ok": True, "changes": ["config reloaded: generation 7", "  port: 1 -> 2"]}),
        0,
        "config reloaded: generation 7\n  port: 1 -> 2\n",
        "",
    ),
    ((200, {"ok": True, "changes": [], "generation": 7}), 0, "nothing changed: generation 7 stays in force\n", ""),
    ((422, {"details": [DETAIL]}), 1, "", "config.yaml:2:7: error: port: must be a number (e.g. 8317)\n"),
    (
        (200, {"ok": False, "diagnostics": [DETAIL]}),
        1,
        "",
        "config.yaml:2:7: error: port: must be a number (e.g. 8317)\n",
    ),
    ((503, {"error": "draining", "message": "the daemon stops"}), 1, "", "the daemon stops\n"),
    ((500, b"oops"), 1, "", "the daemon answered 500\n"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("answer", "code", "out", "err"), RELOADS)
async def test_reload_tells_the_outcome(
    answer: Answer, code: int, out: str, err: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command(tmp_path, {"/v0/management/reload": answer}, "reload") == code
    shown = capsys.readouterr()
    assert shown.out == out
    verdict = "not all of it is in force" if answer[0] == 200 else "stays in use"
    assert shown.err.startswith(err)
    assert (verdict in shown.err) == bool(err)


@pytest.mark.asyncio
async def test_status_reads_as_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 21, 2, 1, tzinfo=UTC)
    monkeypatch.setattr("daemon.cli.status.time", SimpleNamespace(time=at.timestamp))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    answers: dict[str, Answer] = {
        "/healthz": (200, HEALTH),
        "/v0/management/auths": (200, {"auths": [AUTH]}),
        "/v0/management/packycode": (200, {"packycode": {"enabled": True, "effective-sources": {"base-url": "env"}}}),
        "/v0/management/daemon": (200, DAEMON),
        "/v0/management/providers": (200, {"providers": [WOLF, {"name": "fox", "enabled": True}]}),
    }
    assert await command(tmp_path, answers, "status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "tppcd 0.1.0: degraded, up 1d 02:03:04, pid 77 as fox",
        "config       /etc/tppcd/config.yaml",
        "listening    127.0.0.1:8317, [::1]:8317",
        "requests     2 running, 1 waiting",
        "models       23",
        "log          4 lines lost",
        "generation   7, revision abababababab",
        "packycode    settings from: env",
        "last reload  refused at 2026-11-21 02:00:00.000 60 s ago (file)",
        "  config.yaml:3:1: error: bad",
        "providers: 2 (1 cooling, 1 disabled)",
        "  cooling   fox   2 models  https://fox.example",
        "            tppc:fox:3dca86e468eb",
        "            until 2026-11-21 03:00:00.000 (in 00:59:00): 429 from the upstream",
        "  disabled  wolf            https://wolf.example",
    ]
    assert await command(tmp_path, answers, "status", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["health"]["generation"] == 7


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("seconds", "ago"),
    [
        (12.0, " 12 s ago"),
        (119.0, " 119 s ago"),
        (7200.0, " 02:00:00 ago"),
        (90_000.0, " 1d 01:00:00 ago"),
        (-60.0, ""),
    ],
)
async def test_status_says_when_the_last_error_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seconds: float, ago: str
) -> None:
    at = datetime(2026, 11, 21, 2, tzinfo=UTC)
    monkeypatch.setattr("daemon.cli.status.time", SimpleNamespace(time=lambda: at.timestamp() + seconds))
    failed = {"last-error": "key refused (authentication, http_401)", "last-error-at": "2026-11-21T02:00:00.000Z"}
    assert await command(tmp_path, {"/v0/management/auths": (200, {"auths": [AUTH | failed]})}, "status") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"            last error: key refused (authentication, http_401){ago}"


LOAD: dict[str, object] = {"running": 0, "waiting": 0, "limit": None, "headroom": None, "limits": []}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"load": LOAD, "balance": None}, ""),
        ({"load": LOAD | {"running": 2, "limit": 3, "waiting": 1}}, "  2 of 3 running  1 waiting"),
        ({"load": LOAD | {"running": 2}}, "  2 running"),
        ({"load": LOAD | {"headroom": 0.254}}, "  headroom 25 %"),
        ({"load": LOAD | {"headroom": 0.0}}, "  headroom 0 %"),
        ({"balance": {"amount": 12.5, "at": "", "problem": None}}, "  balance 12.5"),
        ({"balance": {"amount": 0, "at": "", "problem": "HTTP 401"}}, "  balance 0  no newer balance: HTTP 401"),
        ({"balance": {"amount": None, "at": None, "problem": "HTTP 401"}}, "  no balance: HTTP 401"),
    ],
)
async def test_status_shows_what_a_core_auth_carries_and_has_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict[str, object], shown: str
) -> None:
    answers: dict[str, Answer] = {"/v0/management/auths": (200, {"auths": [AUTH | row]})}
    assert await command(tmp_path, answers, "status") == 0
    facts = capsys.readouterr().out.splitlines()[-2]
    assert facts == f"            tppc:fox:3dca86e468eb{shown}"
    assert await command(tmp_path, answers, "status", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["auths"][0].items() >= row.items()


@pytest.mark.asyncio
async def test_status_of_a_daemon_that_has_just_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command(tmp_path, {"/healthz": (200, {"status": "ok", "last-reload": None})}, "status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "tppcd ?: ok, up 00:00:00",
        "generation   0, revision none",
        "providers: 0",
        "  none: fill in packycode or tppc.providers in config.yaml, or: tppcd provider add",
    ]


@pytest.mark.parametrize(
    ("ok", "refused", "words"),
    [(True, False, "applied"), (False, True, "refused"), (False, False, "applied in part"), (False, None, "refused")],
)
def test_status_says_what_became_of_the_last_reload(ok: bool, refused: bool | None, words: str) -> None:
    """A daemon of before says only whether all of it is in force."""
    last = {"ok": ok, "at": "?", "reason": "file"} | ({} if refused is None else {"refused": refused})
    lines = list(page({"health": {"last-reload": last}}, Terminal(), 0.0))
    assert f"last reload  {words} at ? (file)" in lines


def test_status_fits_the_terminal_and_has_its_colours() -> None:
    """No line is wider than the terminal, but for one word that is; colours change no text."""
    state = {"health": HEALTH, "daemon": DAEMON, "auths": [AUTH | {"reason": "word " * 40}], "disabled": [WOLF]}
    lines = list(page(state, Terminal(width=60), 0.0))
    assert max(map(len, lines)) <= 60
    coloured = list(page(state, Terminal(colour=True, width=60), 0.0))
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == lines
    assert "\x1b[33mcooling " in "".join(coloured) and "\x1b[31m" in "".join(coloured)


def test_columns_hold_with_chinese_names() -> None:
    auths = [{**AUTH, "name": name, "models": ["a"]} for name in ("狐狸", "fox")]
    rows = [line for line in page({"auths": auths}, Terminal(), 0.0) if line.startswith("  cooling")]
    assert rows == ["  cooling   狐狸  1 model  https://fox.example", "  cooling   fox   1 model  https://fox.example"]


EVENT = b'id: 5\nevent: reload\ndata: {"id":5,"at":1.5,"kind":"reload","message":"config reloaded"}\n\n'


@pytest.mark.asyncio
async def test_events_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers: dict[str, Answer] = {"/v0/management/events": (200, EVENT)}
    assert await command(tmp_path, answers, "events") == 0
    assert capsys.readouterr().out.endswith("  reload  config reloaded\n")
    assert await command(tmp_path, answers, "events", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == 5
    assert await command(tmp_path, answers, "events", "--follow") == 1
    assert capsys.readouterr().err == "tppcd events: the daemon ended the stream\n"


@pytest.mark.parametrize("name", ["reload", "status", "events"])
def test_without_a_daemon_one_line_and_exit_1(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--socket", str(tmp_path / "none.sock")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"tppcd {name}: no daemon answers on ") and shown.err.count("\n") == 1
