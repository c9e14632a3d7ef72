"""The nginx of ``compose.yaml`` in front of daemons of the test's own: its configuration, at other addresses."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.harness import ROOT, wait_for

CONFIGURATION = ROOT / "nginx/nginx.conf"
MISSING = "no nginx found: on Debian and Ubuntu `apt-get install nginx-light`"


def fixed_port() -> int:
    """A free port of which no outgoing connection is made, so that it is still free after a restart."""
    while True:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port := random.randrange(20_000, 30_000)))
            except OSError:
                continue
            return port


def configuration(ports: Sequence[int], listen: int, home: Path) -> str:
    """nginx.conf with ``127.0.0.1:<port>`` for each daemon; what it writes goes into ``home``."""
    text = CONFIGURATION.read_text("utf-8").replace("/tmp/", f"{home}/").replace("listen 8080", f"listen {listen}")
    for number, port in enumerate(ports, 1):
        text = text.replace(f"tppcd-{number}:8317", f"127.0.0.1:{port}")
    return text


@contextmanager
def nginx(ports: Sequence[int]) -> Iterator[str]:
    """Its URL. Raises LookupError where there is no nginx."""
    listen = fixed_port()
    with tempfile.TemporaryDirectory(prefix="tppcd-nginx-") as home:
        Path(home).chmod(0o755)  # its workers are another user's
        with started(configuration(ports, listen, Path(home)), f"http://127.0.0.1:{listen}") as url:
            yield url


@contextmanager
def started(text: str, url: str) -> Iterator[str]:
    """nginx with the configuration ``text``, in a directory of its own, once ``url`` answers. Raises LookupError."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise LookupError(MISSING)
    home = Path(tempfile.mkdtemp(prefix="tppcd-nginx-"))
    home.chmod(0o755)
    (home / "nginx.conf").write_text(text, "utf-8")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(home), "-c", "nginx.conf", "-g", "daemon off;"], stdout=log, stderr=log
        )
    try:
        with httpx.Client(trust_env=False) as client:
            wait_for(lambda: _answers(client, url, process, home), "nginx to answer")
        yield url
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def _answers(client: httpx.Client, url: str, process: subprocess.Popen[bytes], home: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"nginx ended:\n{(home / 'log').read_text()}")
    try:
        return client.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
