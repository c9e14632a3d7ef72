"""Where the admin socket is, and what the command line is told over it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from daemon.service import admin
from daemon.service.admin import AdminClient, DaemonUnreachable, admin_socket_path, find_admin_socket
from tests.service.conftest import serving


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"RUNTIME_DIRECTORY": "/run/tppcd", "STATE_DIRECTORY": "/s"}, "/run/tppcd/admin.sock"),
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, "/run/a/admin.sock"),
        ({"STATE_DIRECTORY": "/var/lib/tppcd", "XDG_STATE_HOME": "/x"}, "/var/lib/tppcd/admin.sock"),
        ({"XDG_STATE_HOME": "/x"}, "/x/tppcd/admin.sock"),
        ({"XDG_STATE_HOME": "relative"}, "~/.local/state/tppcd/admin.sock"),
        ({}, "~/.local/state/tppcd/admin.sock"),
    ],
)
def test_the_rules_of_the_path(environ: dict[str, str], path: str) -> None:
    assert admin_socket_path(environ) == Path(path).expanduser()


def test_a_shell_outside_the_unit_finds_the_system_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, own = tmp_path / "run", tmp_path / "state" / "tppcd"
    system.mkdir()
    own.mkdir(parents=True)
    monkeypatch.setattr(admin, "SYSTEM_RUNTIME_DIRECTORY", system)
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert find_admin_socket(environ) == own / "admin.sock"
    (system / "admin.sock").touch()
    assert find_admin_socket(environ) == system / "admin.sock"
    (own / "admin.sock").touch()
    assert find_admin_socket(environ) == own / "admin.sock"
    assert find_admin_socket(environ, "/given") == Path("/given")


def test_no_daemon_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match=r"no daemon answers on .*admin\.sock \(start it with: tppcd run;"):
        AdminClient(tmp_path / "admin.sock").request("GET", "/healthz")


EVENTS = b': keep-alive\n\nid: 1\nevent: reload\ndata: {"message":\ndata: "done"}\n\nevent: odd\ndata: no json\n\n'


async def daemon(scope: Any, receive: Any, send: Any) -> None:
    """Answers JSON, or events that begin after the id asked for, or breaks off."""
    path = scope["path"]
    if path == "/broken":
        raise ConnectionError
    headers = dict(scope["headers"])
    body = EVENTS if path == "/events" else b'{"method":"%s"}' % scope["method"].encode()
    if path == "/events" and headers.get(b"last-event-id") == b"0":
        body = b'event: old\ndata: {"n":0}\n\n' + body
    await send({"type": "http.response.start", "status": 404 if path == "/missing" else 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.asyncio
async def test_requests_and_events_over_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    client = AdminClient(path, timeout=5)
    async with serving(daemon, admin=path):
        assert await asyncio.to_thread(client.request, "POST", "/x") == (200, {"method": "POST"})
        assert await asyncio.to_thread(client.request, "GET", "/missing") == (404, {"method": "GET"})
        events = await asyncio.to_thread(lambda: list(client.events("/events", after=0)))
        assert events == [("old", {"n": 0}), ("reload", {"message": "done"}), ("odd", {})]
        with pytest.raises(DaemonUnreachable, match="answered 404"):
            await asyncio.to_thread(lambda: list(client.events("/missing")))
