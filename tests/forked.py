"""Daemons and commands forked from a process that has imported everything, since imports are four fifths of a start.

    python -m tests.forked FD

One such parent serves a whole run. What it forks is a process of its own in every other respect: arguments,
environment, directory, files, signals and exit code are those that ``subprocess.Popen`` would give it.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

IMPORTED = (
    *("daemon.cli.run", "daemon.cli.simulate", "daemon.service.run", "daemon.simulate.serving", "uvloop"),
    *("daemon.cli.check", "daemon.cli.doctor", "daemon.cli.explain", "daemon.cli.init", "daemon.cli.status"),
)


class Forked:
    """What ``subprocess.Popen`` offers, for ``python -m daemon`` with ``args``; its output goes to ``log``, its
    stderr to ``errors`` where that is another file."""

    def __init__(
        self, args: tuple[str, ...], cwd: Path, env: Mapping[str, str], log: BinaryIO, errors: BinaryIO | None = None
    ) -> None:
        self._keeper, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = json.dumps({"args": args, "cwd": str(cwd), "env": dict(env)}).encode()
        with theirs:
            socket.send_fds(
                _parent(env["PYTHONPATH"]), [order], [theirs.fileno(), log.fileno(), (errors or log).fileno()]
            )
        self.pid = int(self._keeper.recv(32))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self.returncode if self.returncode is not None else self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        code = self.returncode if self.returncode is not None else self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"forked {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Sends it unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if select.select([self._keeper], [], [], timeout)[0]:
            self.returncode = int(self._keeper.recv(32))
            self._keeper.close()
        return self.returncode


@cache
def _parent(path: str) -> socket.socket:
    """The socket that orders go to. The parent ends when this process does, or closes it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": path}
    with theirs:
        process = subprocess.Popen(
            command, cwd="/", env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def serve(orders: socket.socket) -> None:
    """Forks a keeper for each order until the other side is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers leave no zombies
    while True:
        order, fds, _, _ = socket.recv_fds(orders, 65536, 3)
        if not order:
            return
        if not os.fork():
            orders.close()
            keep(json.loads(order), *fds)
            return
        for fd in fds:
            os.close(fd)


def keep(order: dict[str, object], answer: int, log: int, errors: int) -> None:
    """Forks the daemon and reports its PID, then its exit code. Returns in neither process but by ``SystemExit``."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        os.write(answer, b"%d" % child)
        os.close(log)
        os.close(errors)
        os.write(answer, b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)
    os.close(answer)
    os.dup2(log, 1)
    os.dup2(errors, 2)
    os.close(log)
    os.close(errors)
    os.chdir(str(order["cwd"]))
    become(order)


def become(order: dict[str, object]) -> None:
    """``python -m daemon`` with the arguments and the environment of ``order``."""
    args, env = order["args"], order["env"]
    assert isinstance(args, list) and isinstance(env, dict)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["tppcd", *args]
    sys.exit(importlib.import_module("daemon.cli").main(args))


def main() -> None:
    """``python -m tests.forked FD``."""
    for module in IMPORTED:
        importlib.import_module(module)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
