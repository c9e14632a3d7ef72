"""The configurations of docs/how-to/reverse-proxy.md, each in its own program, in front of a daemon of the test's."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.nginx import fixed_port
from tests.harness import ROOT, wait_for

PAGE = ROOT / "docs/how-to/reverse-proxy.md"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/local/bin"
COMMANDS = {
    "nginx": ("nginx", "-p", ".", "-c", "configuration", "-g", "daemon off;"),
    "caddy": ("caddy", "run", "--config", "configuration", "--adapter", "caddyfile"),
    "haproxy": ("haproxy", "-f", "configuration"),
}
AROUND_NGINX = """\
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{}
}}
"""
"""What Debian's nginx.conf has around the files of conf.d, as far as it matters."""


def shown(name: str) -> str:
    """The snippet of the page."""
    fence = {"caddy": "caddyfile"}.get(name, name)
    (snippet,) = re.findall(rf"^```{fence}\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)
    return str(snippet)


def configuration(name: str, listen: int, port: int, home: Path) -> str:
    """The snippet with other ports and a certificate of our own; Caddy, which would ask for one, without."""
    text = shown(name)
    replacements = {
        "127.0.0.1:8317": f"127.0.0.1:{port}",
        "listen 443": f"listen 127.0.0.1:{listen}",
        "bind :443": f"bind 127.0.0.1:{listen}",
        "llm.example {": f"{{\n\tadmin off\n}}\nhttp://:{listen} {{",
        "/etc/ssl/llm.example/fullchain.pem": f"{home}/certificate",
        "/etc/ssl/llm.example/privkey.pem": f"{home}/key",
        "/etc/haproxy/llm.example.pem": f"{home}/both",
    }
    for old, new in replacements.items():
        text = text.replace(old, new)
    return AROUND_NGINX.format(text) if name == "nginx" else text


@contextlib.contextmanager
def proxy(name: str, port: int) -> Iterator[str]:
    """Its URL, in front of the daemon on ``port``. Skips where the program is missing."""
    program, *arguments = COMMANDS[name]
    found = shutil.which(program, path=PATH)
    if found is None:
        pytest.skip(f"{program} is missing")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: no certificate can be made")
    listen = fixed_port()
    with tempfile.TemporaryDirectory(prefix=f"tppcd-{name}-") as directory:
        home = Path(directory)
        home.chmod(0o755)  # nginx's workers are another user's
        make_certificate(home)
        (home / "configuration").write_text(configuration(name, listen, port, home), "utf-8")
        environ = {"PATH": PATH, "HOME": directory, "XDG_DATA_HOME": directory, "XDG_CONFIG_HOME": directory}
        with (home / "log").open("wb") as log:
            process = subprocess.Popen([found, *arguments], cwd=home, env=environ, stdout=log, stderr=log)
        url = f"{'http' if name == 'caddy' else 'https'}://127.0.0.1:{listen}"
        try:
            wait_for(lambda: answers(url, process, home), f"{name} to answer")
            yield url
        finally:
            process.kill()  # Caddy would wait for its connections
            process.wait()


def make_certificate(home: Path) -> None:
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=llm.example")
    files = ("-keyout", str(home / "key"), "-out", str(home / "certificate"))
    subprocess.run((*made, *files), capture_output=True, check=True)
    (home / "both").write_bytes((home / "certificate").read_bytes() + (home / "key").read_bytes())


def client() -> httpx.Client:
    return httpx.Client(trust_env=False, verify=False, timeout=60)


def answers(url: str, process: subprocess.Popen[bytes], home: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"it ended:\n{(home / 'log').read_text()}")
    try:
        with client() as asking:
            return asking.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
