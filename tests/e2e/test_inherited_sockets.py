"""Sockets that a service manager holds open: a restart under load, what the log says of them, a start that is refused.

The daemon is started as sd_listen_fds(3) says, without systemd; ``tests/systemd_box`` has the shipped socket unit.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dialects import MESSAGES, script
from tests.harness import Simulator, config, environment, provider, wait_for

INHERIT = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "daemon", *sys.argv[2:]])
"""
SHORT = script({"text": "word " * 5})


class Manager:
    """Holds the socket and starts daemons with it; ``log`` is what they all have said."""

    def __init__(self, listener: socket.socket, home: Path) -> None:
        self.listener = listener
        self.home = home
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}" if listener.family != socket.AF_UNIX else ""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = home / "log.txt"
        self._log.touch()

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def start(self, config_text: str) -> subprocess.Popen[bytes]:
        """A daemon that is starting."""
        (self.home / "config.yaml").write_text(config_text, "utf-8")
        number = self.listener.fileno()
        command = [sys.executable, "-c", INHERIT, str(number), "run", "--config", str(self.home / "config.yaml")]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.home, env=environment(self.home), pass_fds=(number,), stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        """Ends what is left."""
        for process in self._processes:
            process.kill()
            process.wait()

    def wait_log(self, text: str, *, times: int = 1) -> None:
        wait_for(lambda: self.log.count(text) >= times, f"{text!r} in the log")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        manager = Manager(listener, tmp_path)
        yield manager
        manager.close()


class Crowd:
    """Clients that ask all the time, half of them with a new connection for each request; what came of it by kind."""

    def __init__(self, url: str, clients: int = 8) -> None:
        self.results: Counter[str] = Counter()
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(clients)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, keeps: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keeps else 0)
        with httpx.Client(trust_env=False, timeout=60, limits=limits) as client:
            while not self._stop.is_set():
                self.results[self._ask(client)] += 1
                self._stop.wait(0.005)

    def _ask(self, client: httpx.Client) -> str:
        try:
            return str(client.post(self._url + MESSAGES.path, json=MESSAGES.request(SHORT)).status_code)
        except httpx.TransportError as error:
            return type(error).__name__


def test_a_restart_under_load_loses_no_request(manager: Manager, upstream: Simulator) -> None:
    """Those that come meanwhile wait in the socket; those that are on their way on a connection that was open before
    are served first. Two starts of a real process, so it takes a while."""
    text = config(provider("fox", upstream))
    daemon = manager.start(text)
    manager.wait_log("listening on")
    with Crowd(manager.url) as crowd:
        wait_for(lambda: crowd.results["200"] > 20, "requests")
        daemon.terminate()
        assert daemon.wait(60) == 0
        before = crowd.results["200"]
        manager.start(text)
        wait_for(lambda: crowd.results["200"] > before + 20, "requests after the restart")
    assert set(crowd.results) == {"200"}
    assert manager.log.count("the socket is inherited from systemd: 127.0.0.1:") == 2


def test_who_waits_for_a_daemon_that_cannot_start_gets_an_answer(manager: Manager) -> None:
    """Else systemd would start it for ever, without a pause: a connection that waits is reason enough."""
    with socket.create_connection(manager.listener.getsockname()) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        daemon = manager.start("port: [\n")
        assert daemon.wait(60) == 78
        with client.makefile("rb") as response:
            answer = response.read()
    assert answer.startswith(b"HTTP/1.1 503 ") and b"its configuration is invalid" in answer
    manager.listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.listener.accept()
