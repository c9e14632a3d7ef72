"""A real systemd with the shipped unit installed in it, driven from outside.

The scripts of ``shared/systemd-box`` boot systemd in namespaces over a throw-away overlay of ``/``. Inside,
the daemon is installed as the unit says: ``/opt/tppcd/.venv/bin/tppcd``, ``/etc/tppcd/config.yaml``,
a user of its own. The interpreter and the libraries are bind-mounted, since those of a developer are
often below a home directory, which the unit's sandbox hides.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.harness import wait_for

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT.parent / "shared" / "systemd-box"
UNIT = "tppcd.service"
SOCKET = "tppcd.socket"
CONFIG = "/etc/tppcd/config.yaml"
MOST_SECONDS = 1800
"""After which a box ends by itself, also where nobody is left to end it."""
NAMESPACES = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--uts",
    "--ipc",
    "--cgroup",
    "--net",
    "--fork",
]
MOUNTS = "mount -t tmpfs box /mnt && mount -t cgroup2 none /mnt"
"""What a box needs, tried."""
PYTHON = ("/usr/bin/env", "LD_LIBRARY_PATH=/opt/tppcd/python/lib", "/opt/tppcd/python/bin/python3", "-B")
"""The bind-mounted interpreter; its own path to libpython would lead below the home directory."""

COMMAND = f"""\
#!{PYTHON[0]} -S {" ".join(PYTHON[1:])}
import sys
sys.path[:0] = ["/opt/tppcd/app", "/opt/tppcd/libraries"]
from daemon.cli import main
sys.exit(main())
"""

CONFIG_TEXT = """\
tppc:
  providers:
    - name: flow
      enabled: true
      base-url: http://127.0.0.1:18317/v1
      api-key: sk-box-0123456789
    - name: stuck
      enabled: true
      base-url: http://127.0.0.1:18317/v1
      api-key: sk-box-9876543210
      headers:
        x-simulate: '{"fault": "stall", "after": 20, "seconds": 600}'
"""

UPSTREAM_UNIT = """\
[Service]
ExecStart=/opt/tppcd/.venv/bin/tppcd simulate --port 18317 --delay-ms 5
"""

HANG = '''\
"""The daemon, and a way to hang its event loop from outside: SIGUSR2."""
import asyncio
import signal
import sys
import time

sys.path[:0] = ["/opt/tppcd/app", "/opt/tppcd/libraries"]

from daemon.cli import main
from daemon.service import run

serve = run.serve


def hang_the_loop() -> None:
    time.sleep(600)


async def serve_and_listen(*arguments: object) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, hang_the_loop)
    await serve(*arguments)


run.serve = serve_and_listen
sys.exit(main())
'''

HANG_DROP_IN = f"""\
[Service]
WatchdogSec=1s
RestartSec=100ms
ExecStart=
ExecStart={" ".join(PYTHON)} /opt/tppcd/hang.py run --config {CONFIG}
"""

CLIENT = """\
import sys
import urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:8317" + sys.argv[1],
    data=sys.argv[2].encode() if len(sys.argv) > 2 else None,
    headers={"content-type": "application/json", "anthropic-version": "2023-06-01"},
)
with urllib.request.urlopen(request, timeout=60) as answer:
    while data := answer.read1():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
"""


CROWD = """\
import collections
import http.client
import json
import sys
import threading

BODY = json.dumps({"model": "flow/gpt-5", "messages": [{"role": "user", "content": "hello"}]})
results = collections.Counter()
stop = threading.Event()

def ask(connection):
    try:
        connection.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__

def client(keeps):
    connection = http.client.HTTPConnection("127.0.0.1", 8317, timeout=60)
    while not stop.is_set():
        results[ask(connection)] += 1
        if not keeps:
            connection.close()
        stop.wait(0.02)

threads = [threading.Thread(target=client, args=(number % 2 == 0,)) for number in range(8)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
print(json.dumps(results))
"""
"""Clients that ask until stdin is closed, half of them with a new connection for each request."""


def missing() -> str:
    """Why there can be no box here; empty when there can."""
    if not (SCRIPTS / "outer.sh").exists():
        return "needs ../shared/systemd-box"
    if os.geteuid() != 0:
        return "needs root"
    tools = [tool for tool in ("unshare", "nsenter", "systemctl", "systemd-sysusers") if not shutil.which(tool)]
    if tools:
        return f"needs {', '.join(tools)}"
    done = subprocess.run([*NAMESPACES, "sh", "-c", MOUNTS], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"needs namespaces and mounts: {done.stderr.strip()}"


class Box:
    """``pid`` is the inner systemd's, as seen from outside."""

    def __init__(self, pid: int) -> None:
        self._enter = ["nsenter", "-t", str(pid), "-m", "-p", "-u", "-i", "-C", "-n"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, to its end."""
        return subprocess.run([*self._enter, *command], capture_output=True, text=True, timeout=60, check=False)

    def do(self, *command: str) -> str:
        """Runs a command that must succeed; gives its output."""
        done = self.run(*command)
        assert done.returncode == 0, (
            f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}{self.journal()}"
        )
        return done.stdout

    def client(self, path: str, body: str | None = None) -> subprocess.Popen[str]:
        """An HTTP client inside; its answer is its stdout, as it comes."""
        command = [*self._enter, *PYTHON, "/opt/tppcd/client.py", path, *([body] if body else [])]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)

    @contextlib.contextmanager
    def crowd(self) -> Iterator[dict[str, int]]:
        """Clients that ask all the time; afterwards, how often each status or error came."""
        command = [*self._enter, *PYTHON, "/opt/tppcd/crowd.py"]
        results: dict[str, int] = {}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
            yield results
            results.update(json.loads(crowd.communicate("", timeout=60)[0]))

    def ask(self, path: str, body: str | None = None) -> str:
        """The whole answer to a GET, or to a POST of ``body``; '' while there is none."""
        with self.client(path, body) as client:
            return client.communicate(timeout=60)[0]

    def journal(self, *matches: str) -> str:
        """The unit's entries with these fields, or all: their messages."""
        return self.run("journalctl", "-u", UNIT, "--no-pager", "-o", "cat", *matches).stdout

    def wait_journal(self, text: str, *, times: int = 1) -> str:
        """Waits until the unit's journal says ``text``; gives the journal."""
        return wait_for(
            lambda: self.journal() if self.journal().count(text) >= times else None, f"{text!r} in the journal"
        )

    def property(self, name: str, unit: str = UNIT) -> str:
        """A property of a unit, as ``systemctl show`` has it."""
        return self.do("systemctl", "show", unit, "-p", name, "--value").strip()

    def drop_in(self, text: str) -> None:
        """Adds to the unit, as ``systemctl edit`` does, until the test is over."""
        self.do("mkdir", "-p", f"/run/systemd/system/{UNIT}.d")
        self.write(f"/run/systemd/system/{UNIT}.d/test.conf", text)
        self.do("systemctl", "daemon-reload")

    def write(self, path: str, text: str) -> None:
        """Writes a file inside the way ``cat >`` does; owner and mode stay."""
        subprocess.run([*self._enter, "tee", path], input=text, text=True, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def booted(directory: Path) -> Iterator[Box]:
    """Boots the box with everything installed and the upstream running; removes it at the end."""
    seed = _seed(directory / "seed")
    libraries = sysconfig.get_paths()["purelib"]
    mounts = [
        f"{sys.base_prefix}:/opt/tppcd/python",
        f"{libraries}:/opt/tppcd/libraries",
        f"{ROOT / 'daemon'}:/opt/tppcd/app/daemon",
    ]
    root = directory / "root"
    root.mkdir()
    command = ["unshare", "--mount", "--propagation", "private", "--fork", "--kill-child=SIGKILL"]
    command += ["timeout", str(MOST_SECONDS), "bash", str(SCRIPTS / "outer.sh"), str(root), str(seed), *mounts]
    with (
        (directory / "log").open("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as top,
    ):
        try:
            yield _installed(Box(wait_for(lambda: _booted(top, log), "a systemd that has booted")))
        finally:
            for pid in [*_below(top.pid)][::-1]:  # the first of a namespace takes all others of it along
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _below(pid: int) -> Iterator[int]:
    """``pid``, its first child, and so on, down to the systemd of a box."""
    while pid:
        yield pid
        try:
            is_systemd = Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:  # it has just ended
            return
        pid = 0 if is_systemd or not children else int(children[0])


def _booted(top: subprocess.Popen[bytes], log: IO[str]) -> int | None:
    """The process of the systemd below ``top``, once its target is reached. Others may have boxes of their own."""
    if top.poll() is not None:
        log.seek(0)
        raise AssertionError(f"the box ended:\n{log.read()}")
    *_, pid = _below(top.pid)
    with contextlib.suppress(OSError):  # a mount or a mkdir of the scripts, which has just ended
        if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
            return pid if Box(pid).run("systemctl", "is-active", "-q", "box.target").returncode == 0 else None
    return None


def _seed(seed: Path) -> Path:
    files = {
        "opt/tppcd/.venv/bin/tppcd": COMMAND,
        "opt/tppcd/hang.py": HANG,
        "opt/tppcd/client.py": CLIENT,
        "opt/tppcd/crowd.py": CROWD,
        "etc/tppcd/config.yaml": CONFIG_TEXT,
        "etc/systemd/system/upstream.service": UPSTREAM_UNIT,
        f"etc/systemd/system/{UNIT}": (ROOT / "systemd" / UNIT).read_text(),
        f"etc/systemd/system/{SOCKET}": (ROOT / "systemd" / SOCKET).read_text(),
        "etc/sysusers.d/tppcd.conf": (ROOT / "systemd" / "tppcd.sysusers").read_text(),
    }
    for name, text in files.items():
        path = seed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (seed / "opt/tppcd/.venv/bin/tppcd").chmod(0o755)
    return seed


def _installed(box: Box) -> Box:
    """What `make install` does, then the upstream."""
    box.do("systemd-sysusers")
    box.do("chown", "-R", "tppcd:tppcd", "/etc/tppcd")
    box.do("chmod", "0700", "/etc/tppcd")
    box.do("chmod", "0600", CONFIG)
    box.do("systemctl", "daemon-reload")
    box.do("systemctl", "start", "upstream.service")
    return box
