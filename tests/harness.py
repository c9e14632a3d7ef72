"""The real thing for tests: the daemon and the simulator as processes, spoken to over real sockets.

    with simulator() as upstream, daemon(config(provider("fox", upstream))) as gateway:
        answer = gateway.post("/v1/messages", messages("hello"))

Every process gets a short-lived home of its own, is waited for by polling what it says (never by
sleeping for luck), and is ended by its PID. What it logged is printed at the end, which pytest shows
for a test that failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.forked import Forked

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0
"""Seconds before a test gives up waiting. Never part of what is asserted: a slow machine is no failure."""

T = TypeVar("T")


def wait_for(probe: Callable[[], T | None], what: str, *, seconds: float = PATIENCE) -> T:
    """Polls ``probe`` until it gives something that is neither None nor False; AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)
    return found


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment: nothing of the developer's keys, proxies or Codex configuration leaks in."""
    (home / "state").mkdir(exist_ok=True)
    (home / "run").mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "STATE_DIRECTORY": str(home / "state"),
        "RUNTIME_DIRECTORY": str(home / "run"),
        **(extra or {}),
    }


def tppcd(*args: str, home: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; its output is no terminal."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        code = Forked(args, home, environment(home, env), out, errors).wait(60)
        written = [(file.seek(0), file.read().decode("utf-8"))[1] for file in (out, errors)]
    return subprocess.CompletedProcess(["tppcd", *args], code, *written)


class Running:
    """A process of ours that listens; ``home`` is its directory, ``url`` is where it answers.

    ``under`` is a command that ends by running the one that follows it, in its own place: ``unshare``, ``setpriv``.
    Without one the process is forked from one that has imported everything (``tests.forked``), unless it is to be
    ``fresh``. It runs in ``cwd``, which is usually its home.
    """

    def __init__(
        self,
        args: tuple[str, ...],
        home: Path,
        env: Mapping[str, str] | None = None,
        under: tuple[str, ...] = (),
        *,
        fresh: bool = False,
        cwd: Path | None = None,
    ) -> None:
        self.home = home
        cwd = cwd or home
        self._log = home / "log.txt"
        with self._log.open("wb") as log:
            self.process: subprocess.Popen[bytes] | Forked
            if under or fresh:
                self.process = subprocess.Popen(
                    [*under, sys.executable, "-m", "daemon", *args],
                    cwd=cwd,
                    env=environment(home, env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            else:
                self.process = Forked(args, cwd, environment(home, env), log)
        self.url = ""
        self.http = httpx.Client(trust_env=False, timeout=PATIENCE, limits=httpx.Limits(max_connections=None))

    @property
    def log(self) -> str:
        """Everything it has said so far, stdout and stderr."""
        return self._log.read_text("utf-8", "replace")

    def wait_log(self, pattern: str, *, seconds: float = PATIENCE) -> re.Match[str]:
        """Waits until the log matches ``pattern``; fails at once when the process ends instead."""

        def probe() -> re.Match[str] | None:
            ended = self.process.poll()
            found = re.search(pattern, self.log)
            if found is None and ended is not None:
                raise AssertionError(f"exited with {ended} before it said /{pattern}/:\n{self.log}")
            return found

        return wait_for(probe, f"/{pattern}/ in the log", seconds=seconds)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """``GET``."""
        return self.http.get(self.url + path, **options)

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        """``POST`` of JSON, the answer read whole."""
        return self.http.post(self.url + path, json=body, **options)

    @contextlib.contextmanager
    def stream(self, path: str, body: object, **options: Any) -> Iterator[httpx.Response]:
        """``POST`` of JSON; the body of the answer is read with ``events``. Leaving hangs up."""
        with self.http.stream("POST", self.url + path, json=body, **options) as response:
            yield response

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals the process, by its PID, and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits for its end and gives the exit code."""
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """Ends whatever is left of it."""
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Simulator(Running):
    """``tppcd simulate``."""

    def state(self, *, bodies: bool = False) -> dict[str, Any]:
        """What it has seen; see ``daemon.simulate.ledger``."""
        answer: dict[str, Any] = self.get("/_simulate" + ("?bodies=1" if bodies else "")).raise_for_status().json()
        return answer

    def base_url(self, wire: str) -> str:
        """Where the make that it plays has the API ``wire``: what ``base-url`` is in config.yaml."""
        return f"{self.url}{self.state()['base-urls'][wire]}"

    def fail(self, *faults: object) -> None:
        """The next requests meet these faults, one each; what waited before is forgotten."""
        self.control(faults=list(faults), reset=True)

    def control(self, **settings: object) -> None:
        """``POST /_simulate`` with kebab-case names for the keywords."""
        body = {name.replace("_", "-"): value for name, value in settings.items()}
        self.post("/_simulate", body).raise_for_status()

    def reset(self) -> None:
        """Forgets faults and requests, and goes at full speed again."""
        self.control(reset=True, delay_ms=0, chunk_bytes=0)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests since the last reset, with their bodies."""
        recent: list[dict[str, Any]] = self.state(bodies=True)["recent"]
        return recent

    def open_requests(self) -> int:
        """How many requests it is answering now."""
        return int(self.state()["requests"]["open"])


class Daemon(Running):
    """``tppcd run`` on a config.yaml of its own."""

    @property
    def config(self) -> Path:
        """Its config.yaml."""
        return self.home / "config.yaml"

    @property
    def state_directory(self) -> Path:
        """Where it keeps what outlives it."""
        return self.home / "state"

    def health(self) -> dict[str, Any]:
        """``GET /healthz``."""
        answer: dict[str, Any] = self.get("/healthz").raise_for_status().json()
        return answer

    def save(self, text: str) -> None:
        """Saves config.yaml as most editors do: written beside it, then renamed over it."""
        new = self.config.with_name("config.yaml.new")
        new.write_text(text, "utf-8")
        new.replace(self.config)

    def reload(self, text: str) -> None:
        """Saves config.yaml and waits until a new generation is in force."""
        before = self.health()["generation"]
        self.save(text)
        wait_for(lambda: self.health()["generation"] > before, "a new generation")


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """A directory with a short path: the admin socket's must fit into 107 bytes."""
    home = Path(tempfile.mkdtemp(prefix="tppcd-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _shown(running: Running) -> Iterator[None]:
    """Ends the process and prints its log, which pytest shows where the test failed."""
    try:
        yield
    finally:
        running.close()
        print(f"--- log of {type(running).__name__} {running.url}\n{running.log}", file=sys.stderr)


@contextlib.contextmanager
def simulator(*args: str) -> Iterator[Simulator]:
    """A simulator on a free port, with the options of ``tppcd simulate``."""
    with _home() as home:
        running = Simulator(("simulate", "--port", "0", *args), home)
        with _shown(running):
            running.url = running.wait_log(r"simulated upstream on (http://\S+)")[1]
            wait_for(lambda: _answers(running, "/_simulate"), "the simulator to answer")
            yield running


@contextlib.contextmanager
def daemon(
    config_text: str | None,
    *args: str,
    env: Mapping[str, str] | None = None,
    home: Path | None = None,
    under: tuple[str, ...] = (),
    fresh: bool = False,
    trusting: Path | None = None,
) -> Iterator[Daemon]:
    """A daemon on a free port that serves ``config_text``; entered once it is ready.

    With the ``home`` of an earlier one it starts where that one stopped; None leaves config.yaml as it is. Its HTTPS
    is checked by the CA file ``trusting``.
    """
    with contextlib.ExitStack() as cleanup:
        home = home or cleanup.enter_context(_home())
        if config_text is not None:
            (home / "config.yaml").write_text(config_text, "utf-8")
            (home / "config.yaml").chmod(0o600)
        running = Daemon(
            ("run", "--config", str(home / "config.yaml"), "--port", "0", *args), home, env, under, fresh=fresh
        )
        cleanup.enter_context(_shown(running))
        if trusting is not None:
            running.http = httpx.Client(
                trust_env=False, timeout=PATIENCE, verify=ssl.create_default_context(cafile=str(trusting))
            )
        listening = running.wait_log(r"listening on ([\w.]+:\d+)( \(HTTPS\))?")
        running.url = f"{'https' if listening[2] else 'http'}://{listening[1]}"
        wait_for(lambda: _answers(running, "/readyz"), "the daemon to be ready")
        yield running


def _answers(running: Running, path: str) -> bool:
    try:
        return running.get(path).status_code == 200
    except httpx.TransportError:
        return False


def provider(name: str, upstream: Simulator | str, **settings: object) -> dict[str, object]:
    """A ``tppc.providers`` entry that points at ``upstream``; its key, unless given, is ``key-of-<name>``."""
    url = upstream if isinstance(upstream, str) else f"{upstream.url}/v1"
    return {"name": name, "enabled": True, "base-url": url, "api-key": f"key-of-{name}", **_kebab(settings)}


def config(*providers: dict[str, object], **settings: object) -> str:
    """A config.yaml with these providers. Written as JSON, which is YAML."""
    return json.dumps({"tppc": {"providers": list(providers)}, **_kebab(settings)}, indent=2) + "\n"


def _kebab(settings: Mapping[str, object]) -> dict[str, object]:
    return {name.replace("_", "-"): value for name, value in settings.items()}
