"""Binding: clear words when it fails, one port for all addresses, the admin socket's mode."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from daemon.service import sockets
from daemon.service.sockets import (
    BindError,
    bind,
    bind_admin,
    describe,
    inherited,
    port_of,
    serve_address,
    unlink_admin,
)


def test_port_zero_takes_a_free_one() -> None:
    (sock,) = bind("127.0.0.1", 0)
    with sock:
        assert describe(sock) == f"127.0.0.1:{port_of([sock])}"
        assert port_of([sock]) > 0


def test_all_addresses_share_one_port() -> None:
    bound = bind("::", 0)
    names = {sock.getsockname()[0] for sock in bound}
    ports = {sock.getsockname()[1] for sock in bound}
    for sock in bound:
        sock.close()
    assert "0.0.0.0" in names and len(ports) == 1


def test_a_port_in_use_is_one_clear_line() -> None:
    (sock,) = bind("127.0.0.1", 0)
    port = port_of([sock])
    with sock, pytest.raises(BindError) as caught:
        bind("127.0.0.1", port)
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: address already in use "
        "(another program listens there; stop it or choose another port with --port)"
    )


@pytest.mark.parametrize(
    ("host", "words"),
    [("203.0.113.7", "this machine does not have that address"), ("no.such.host.invalid", "no such host; see --host")],
)
def test_other_failures_say_what_to_do(host: str, words: str) -> None:
    with pytest.raises(BindError, match=words):
        bind(host, 0)


def test_the_admin_socket_is_private_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "admin.sock"
    bind_admin(path).close()  # leaves the file behind, as a killed daemon does
    with bind_admin(path) as sock:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert describe(sock) == str(path)
        with pytest.raises(BindError, match="another tppcd answers"):
            bind_admin(path)
        unlink_admin(sock)
    assert not path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    path.write_text("precious")
    with pytest.raises(BindError, match="address already in use"):
        bind_admin(path)
    assert path.read_text() == "precious"


def test_a_path_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(BindError, match="longer than 107 bytes"):
        bind_admin(tmp_path / ("x" * 120) / "admin.sock")


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "2"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}])
def test_sockets_for_another_process_are_not_ours(environ: dict[str, str]) -> None:
    assert inherited(environ) == sockets.Inherited()


class Passed:
    """Sockets at descriptor 3 and up in a process of its own, which runs ``script``."""

    def __init__(self, *passed: socket.socket | TextIO) -> None:
        self._numbers = [each.fileno() for each in passed]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        def place() -> None:
            copies = [os.dup(number) for number in self._numbers]
            for number, copy in enumerate(copies, start=3):
                os.dup2(copy, number)

        environ = f"{{'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '{len(self._numbers)}'}}"
        return subprocess.run(
            [sys.executable, "-c", INHERIT + script.replace("environ", environ)],
            preexec_fn=place,
            pass_fds=range(3, 3 + len(self._numbers)),
            capture_output=True,
            text=True,
            check=False,
        )


INHERIT = """\
import os, socket
from daemon.service.sockets import BindError, describe, inherited
"""


def test_inherited_sockets_are_told_apart(tmp_path: Path) -> None:
    script = (
        "got = inherited(environ)\n"
        "print(*map(describe, got.public), *map(describe, got.admin))\n"
        "assert not got.public[0].getblocking() and not got.public[0].get_inheritable()\n"
        "assert got.public[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)\n"
    )
    with (
        socket.create_server(("127.0.0.1", 0)) as public,
        bind_admin(tmp_path / "admin.sock") as admin,
        bind_admin(tmp_path / "proxy.sock") as unix,
    ):
        done = Passed(admin, public, unix).run(script)
        assert done.stderr == ""
        assert done.stdout.split() == [describe(public), describe(unix), describe(admin)]


def test_what_cannot_be_listened_on_is_one_clear_line(tmp_path: Path) -> None:
    """A connection (``Accept=yes``), a datagram socket, a file."""
    script = (
        "from daemon.service.sockets import _adopt\n"
        "for number in (3, 4, 5):\n"
        "    try:\n        _adopt(number)\n    except BindError as error:\n        print(error)\n"
    )
    first, second = socket.socketpair()
    with first, second, socket.socket(type=socket.SOCK_DGRAM) as datagrams, (tmp_path / "file").open("w") as file:
        datagrams.bind(("127.0.0.1", 0))
        done = Passed(first, datagrams, file).run(script)
        assert done.stdout.splitlines() == [
            "what systemd passed as descriptor 3 does not listen: use ListenStream= and Accept=no",
            "what systemd passed as descriptor 4 does not listen: use ListenStream= and Accept=no",
            "what systemd passed as descriptor 5 is no socket: socket operation on non-socket",
        ]


@pytest.mark.parametrize(
    ("made", "configured", "same"),
    [
        (("127.0.0.1",), "127.0.0.1", True),
        (("127.0.0.1", "::1"), "localhost", True),
        (("127.0.0.1", "::1"), "127.0.0.1", False),
        (("0.0.0.0",), "127.0.0.1", False),
        (("0.0.0.0", "::"), "", True),
        (("dual",), "::", True),
        (("dual",), "0.0.0.0", False),
        (("127.0.0.1",), "no.such.host.invalid", False),
        (("unix",), "127.0.0.1", False),
    ],
)
def test_whether_sockets_are_those_of_the_configuration(
    made: tuple[str, ...], configured: str, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_addresses", known_addresses)
    opened: list[socket.socket] = []
    for host in made:
        opened.append(opened_at(host, port_of(opened), tmp_path))
    try:
        assert serve_address(opened, configured, port_of(opened)) == same
        assert not serve_address(opened, configured, 1)
    finally:
        for sock in opened:
            sock.close()


def known_addresses(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """As the resolver of a machine with IPv6 has them."""
    found = {"localhost": ("127.0.0.1", "::1"), "": ("0.0.0.0", "::"), "::": ("0.0.0.0", "::")}.get(host, (host,))
    if found == ("no.such.host.invalid",):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET6 if ":" in each else socket.AF_INET, (each, port)) for each in found]


def opened_at(host: str, port: int, directory: Path) -> socket.socket:
    if host == "unix":
        return bind_admin(directory / "proxy.sock")
    if host == "dual":
        return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
