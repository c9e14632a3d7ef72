"""Binding: clear words when it fails, one port for all addresses, the admin socket's mode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.service import sockets
from daemon.service.sockets import BindError, bind, bind_admin, describe, inherited, port_of, unlink_admin


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


def test_inherited_sockets_are_told_apart(tmp_path: Path) -> None:
    """In a process of its own, since descriptor 3 must be the first."""
    script = (
        "import os, socket\n"
        "from daemon.service.sockets import inherited, describe\n"
        "got = inherited({'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '2'})\n"
        "print(*map(describe, got.public), *map(describe, got.admin))\n"
        "assert not got.public[0].getblocking() and not got.public[0].get_inheritable()\n"
    )
    (public,) = bind("127.0.0.1", 0)
    admin = bind_admin(tmp_path / "admin.sock")

    def place() -> None:
        low, high = os.dup(public.fileno()), os.dup(admin.fileno())
        os.dup2(low, 3)
        os.dup2(high, 4)

    with public, admin:
        done = subprocess.run(
            [sys.executable, "-c", script],
            preexec_fn=place,
            pass_fds=(3, 4),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.split() == [describe(public), describe(admin)]
