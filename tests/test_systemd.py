"""sd_notify: what goes over the socket, and that nothing ever blocks or raises."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.systemd import Notifier

USEC = "WATCHDOG_USEC"
PID = "WATCHDOG_PID"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def told(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda n: n.ready("generation 7"), ["READY=1", "STATUS=generation 7"]),
        (lambda n: n.ready(), ["READY=1"]),
        (lambda n: n.stopping(), ["STOPPING=1"]),
        (lambda n: n.status("one\nREADY=1\r\ntwo"), ["STATUS=one READY=1 two"]),
        (lambda n: n.ping(), ["WATCHDOG=1"]),
        (lambda n: n.extend_timeout(5), ["EXTEND_TIMEOUT_USEC=5000000"]),
    ],
)
def test_each_message(manager: socket.socket, act: Callable[[Notifier], None], expected: list[str]) -> None:
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": manager.getsockname()})
    act(notifier)
    notifier.close()
    assert expected == told(manager)


def test_reloading_carries_the_monotonic_clock(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.reloading()
    notifier.close()
    state, clock = told(manager)
    assert state == "RELOADING=1"
    assert clock.startswith("MONOTONIC_USEC=") and int(clock.partition("=")[2]) > 0


def test_an_abstract_socket() -> None:
    name = f"tppcd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5)
        notifier = Notifier(f"@{name}")
        notifier.ready()
        notifier.close()
        assert told(listener) == ["READY=1"]


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "/nowhere/at/all"])
def test_no_manager_no_harm(address: str | None) -> None:
    notifier = Notifier(address)
    notifier.ready("x")
    notifier.ping()
    notifier.close()


def test_a_full_queue_never_blocks_and_ready_is_sent_later(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    for _ in range(10_000):
        notifier.ping()
        if notifier._unsent:
            break
    assert notifier._unsent == ("WATCHDOG=1",)
    notifier.ready()
    manager.setblocking(False)
    try:
        while True:
            manager.recv(65536)
    except BlockingIOError:
        manager.settimeout(5)
    notifier.status("later")
    notifier.close()
    assert told(manager) == ["WATCHDOG=1", "READY=1", "STATUS=later"]


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({USEC: "20000000"}, 20.0),
        ({USEC: "20000000", PID: str(os.getpid())}, 20.0),
        ({USEC: "20000000", PID: "1"}, None),
        ({USEC: "0"}, None),
        ({USEC: "soon"}, None),
    ],
)
def test_the_watchdog_interval(environ: dict[str, str], interval: float | None) -> None:
    assert Notifier.from_environ(environ).watchdog_interval == interval
