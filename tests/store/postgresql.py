"""A PostgreSQL of the test run's own: Debian's binaries, a cluster in a temporary directory on a loopback port, started
when the first test wants it and stopped with the run. It refuses to run as root, so a user is chosen."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

MISSING = (
    "no PostgreSQL server found: on Debian and Ubuntu `apt-get install postgresql`, or name the directory that has its "
    "initdb and postgres in TPPCD_TEST_POSTGRESQL"
)
SETTINGS = {"fsync": "off", "max_connections": "200", "shared_buffers": "32MB", "listen_addresses": "127.0.0.1"}


def binaries() -> Path | None:
    """The directory of initdb and postgres, the newest version first; None where there is none."""
    named = os.environ.get("TPPCD_TEST_POSTGRESQL")
    on_path = shutil.which("initdb")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if on_path and not named:
        places.append(Path(os.path.realpath(on_path)).parent)
    return next((each for each in places if (each / "initdb").exists() and (each / "postgres").exists()), None)


class PostgreSQL:
    """``directory`` is the server's own; ``url`` names its superuser's database."""

    def __init__(self, bin: Path, directory: Path) -> None:
        self._bin = bin
        self._data = directory / "data"
        self._sockets = directory / "s"
        self._log = directory / "log"
        self._user = _user(directory)
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.url = f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def init(self) -> None:
        self._sockets.mkdir()
        if self._user:
            os.chown(self._sockets, *self._ids())
        self._run("initdb", "-D", str(self._data), "-U", "tester", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Returns once it answers."""
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self._sockets)}
        options = [f"-c{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            command = [str(self._bin / "postgres"), "-D", str(self._data), *options]
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until or self._server.poll() is not None:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()[-2000:]}") from None
                time.sleep(0.05)

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def stop(self, *, immediate: bool = False) -> None:
        """A fast shutdown (connections are cut), or an immediate one, which is a crash with a recovery."""
        if self._server is not None:
            self._server.send_signal(3 if immediate else 2)  # SIGQUIT, SIGINT
            self._server.wait(30)
            self._server = None

    def run(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        """One statement, committed; its rows."""
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """The URL of a new, empty database; it is dropped at the end."""
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url.removesuffix("postgres") + name
        finally:
            if not self.is_running:
                self.start()
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments], capture_output=True, text=True, check=False, **self._as_user()
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    def _as_user(self) -> dict[str, Any]:
        if not self._user:
            return {}
        user, group = self._ids()
        return {"user": user, "group": group, "extra_groups": (), "cwd": "/"}

    def _ids(self) -> tuple[int, int]:
        entry = pwd.getpwnam(self._user)
        return entry.pw_uid, entry.pw_gid


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server for as long as the block lasts. Raises LookupError where there are no binaries."""
    bin = binaries()
    if bin is None:
        raise LookupError(MISSING)
    directory = Path(tempfile.mkdtemp(prefix="tppcd-pg-"))  # short: a socket's path has 107 characters at most
    server = PostgreSQL(bin, directory)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@cache
def shared() -> tuple[PostgreSQL, ExitStack]:
    """The one server of this process, and what stops it. Raises LookupError where there are no binaries."""
    stop = ExitStack()
    return stop.enter_context(running()), stop


def _user(directory: Path) -> str:
    """Whom the server runs as: root is refused by it, everybody else runs it as himself (empty)."""
    if os.geteuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    entry = pwd.getpwnam(user)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    return user


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
