"""What a start says about its configuration, beside where it listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from daemon.service import listeners
from daemon.service.listeners import announce, listen
from daemon.service.options import RunOptions
from daemon.service.sockets import Inherited, describe, port_of
from daemon.sources.lasting import LastingProblems
from tests.snapshot.world import snapshot

PROVIDER = "{name: %s, enabled: true, base-url: 'https://%s.example/v1', api-key: k}"


@contextmanager
def logged() -> Iterator[list[str]]:
    """What is logged inside, a line for each record: level and message."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message}")
    try:
        yield lines
    finally:
        logger.remove(sink)


@pytest.mark.parametrize(
    ("said", "providers", "more"),
    [
        (["no provider is enabled"], "", ""),
        (
            ["no provider is in service"],
            "{name: fox, enabled: true, base-url: 'https://f.example', api-key: env:NO}",
            "",
        ),
        ([], PROVIDER % ("fox", "fox"), ""),
        (["routing: round-robin"], f"{PROVIDER % ('fox', 'fox')}, {PROVIDER % ('wolf', 'wolf')}", ""),
        (["translation.strict: fields"], PROVIDER % ("fox", "fox"), "translation: {strict: true}"),
    ],
)
def test_a_start_says_what_is_in_force(said: list[str], providers: str, more: str) -> None:
    with logged() as lines:
        announce([], snapshot(f"tppc: {{providers: [{providers}]}}\n{more}\n"))
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))


@pytest.mark.parametrize(
    ("host", "port", "ending"),
    [
        (None, None, ""),
        (None, 1, "; host and port as configured (127.0.0.1:1) are not used: change ListenStream= in tppcd.socket"),
        ("::1", None, "; host and port as configured ([::1]:PORT) are not used: change ListenStream= in tppcd.socket"),
        ("*", None, "; host and port as configured (*:PORT) are not used: change ListenStream= in tppcd.socket"),
    ],
)
def test_an_inherited_socket_is_said_and_so_is_a_configuration_that_says_otherwise(
    host: str | None, port: int | None, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as passed:
        monkeypatch.setattr(listeners, "inherited", lambda _: Inherited((passed,)))
        number = port_of([passed])
        settings = f"host: '{'127.0.0.1' if host is None else host}'\nport: {number if port is None else port}\n"
        environ = {"RUNTIME_DIRECTORY": str(tmp_path)}
        with logged() as lines:
            found = listen(RunOptions(config=tmp_path / "config.yaml"), environ, snapshot(settings), LastingProblems())
        assert found.inherited == (passed,) and passed in found.sockets
        for each in found.sockets[1:]:
            each.close()
        assert lines == [
            f"the socket is inherited from systemd: {describe(passed)}{ending.replace('PORT', str(number))}\n"
        ]
