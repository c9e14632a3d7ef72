"""``upstream-ca`` while the daemon runs: rotated, broken, good again; no restart."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.dialects import CHAT
from tests.e2e.test_causes import Server, status
from tests.harness import Daemon, config, daemon, provider, wait_for
from tests.upstream.http.certificates import Authority

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
}
OK = status("200 OK", "content-type: application/json", "connection: close", body=json.dumps(ANSWER).encode())


def chats(connection: socket.socket) -> None:
    """Reads a whole request before it answers."""
    with connection.makefile("rb") as request:
        length = 0
        while line := request.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        request.read(length)
    connection.sendall(OK)


@pytest.fixture
def old() -> Authority:
    return Authority("old")


@pytest.fixture
def new() -> Authority:
    return Authority("new")


@pytest.fixture
def running(old: Authority, new: Authority) -> Iterator[Daemon]:
    """With one provider per CA, ``old`` and ``new``; the file has the old CA."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (home / "ca.pem").write_bytes(old.pem)
        providers = []
        for name, authority in (("old", old), ("new", new)):
            server = stack.enter_context(Server(chats, authority.server(home)))
            stack.callback(server.shutdown)
            url = f"https://localhost:{server.server_address[1]}/v1"
            providers.append(provider(name, url, wire_api="chat", models=["gpt-5"]))
        text = config(*providers, upstream_ca="ca.pem", disable_cooling=True, request_retry=0)
        yield stack.enter_context(daemon(text, home=home))


def serving(running: Daemon) -> list[str]:
    """The providers that can be reached."""
    answers = {
        each: running.post(CHAT.path, CHAT.request("hi") | {"model": f"{each}/gpt-5"}) for each in ("old", "new")
    }
    return [name for name, answer in answers.items() if answer.status_code == 200]


def test_a_rotated_ca_is_in_force_without_a_restart(running: Daemon, old: Authority, new: Authority) -> None:
    """A CA that is taken away is not trusted any more. A file that is broken is reported, and changes nothing else."""
    ca = running.home / "ca.pem"
    assert serving(running) == ["old"]
    ca.write_bytes(new.pem)
    wait_for(lambda: serving(running) == ["new"], "the new CA to be in force")
    ca.write_bytes(b"none")
    wait_for(lambda: running.health()["status"] == "degraded", "the broken file to be reported")
    assert serving(running) == ["new"]
    ca.write_bytes(old.pem + new.pem)
    wait_for(lambda: serving(running) == ["old", "new"], "both to be in force")
    wait_for(lambda: running.health()["status"] == "ok", "the report to end")
    reports = [line for line in running.log.splitlines() if "ERROR" in line and "ca.pem contains" in line]
    assert ["config refused" in line for line in reports] == [True, False]
