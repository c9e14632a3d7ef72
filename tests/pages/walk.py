"""A user who does what a page says: types its shell blocks and saves its YAML blocks, in order, in a fresh clone.

Only what has to be is not as on the page:

* The daemon and the simulator listen on free ports, which stand for 8317 and 18317 in every block.
* ``make run`` is the daemon of this checkout: ``.venv`` is a link to it. ``make soak`` runs the real one.
* Hosts of providers are the simulator. A key file that no block has written is there.
* What cannot run here is in ``NOT_RUN``, with the reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from tests.clients import BINARIES, CLIENTS
from tests.harness import PATIENCE, ROOT, Running, environment
from tests.pages.blocks import Block

KEY: Final = "sk-the-key-of-the-page"
MANAGEMENT_KEY: Final = "management-key"
CLAUDE: Final = CLIENTS / BINARIES["run-claude-code.sh"]
NOT_RUN: Final = {
    "make test": "runs this suite",
    "claude": "the client itself is interactive",
}
"""A command that a walk leaves out -> why."""


class Walk:
    """One user with one clone. ``terminal`` is where the shell's variables are kept between blocks."""

    patience = PATIENCE
    """Seconds for one command."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clone = home / "clone"
        self.clone.mkdir()
        shutil.copy(ROOT / "config.yaml", self.clone)
        (self.clone / ".venv/bin").mkdir(parents=True)
        program = self.clone / ".venv/bin/tppcd"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m daemon "$@"\n')
        program.chmod(0o755)
        self.output = ""
        """What the last block printed."""
        self.ports = {"18317": "", "8317": ""}
        self.running: dict[str, Running] = {}
        self._env = self._environment()

    @property
    def config(self) -> Path:
        """The config.yaml of the clone."""
        return self.clone / "config.yaml"

    @property
    def log(self) -> str:
        """The daemon's."""
        return self.running["8317"].log

    def do(self, block: Block) -> None:
        """What a reader does with ``block``."""
        if block.lang == "yaml":
            self.save(block.text)
        elif block.lang == "toml":
            self.set_up_codex(block.text)
        elif block.lang == "sh":
            self.output = ""
            for command in block.commands:
                self.type(command)

    def type(self, command: str) -> None:
        """One command of a block; it has to succeed. ``output`` gets what it says."""
        bare = command.partition("#")[0].strip()
        if bare == "make run":
            self._start("8317", "run", "--config", "./config.yaml")
        elif match := re.match(r"\.venv/bin/tppcd simulate\b(?: --port (\d+))?(.*)", bare):
            self._start(match[1] or "18317", "simulate", *match[2].split())
        elif bare not in NOT_RUN and (not bare.startswith("claude ") or CLAUDE.exists()):
            done = self.shell(self.here(command))
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            self.output += done.stdout

    def here(self, text: str) -> str:
        """``text`` with the ports of this walk."""
        for written, port in self.ports.items():
            text = re.sub(rf"(?<!\d){written}(?!\d)", port or written, text)
        return text

    def there(self, text: str) -> str:
        """``text`` of this walk as the page has it."""
        for written, port in self.ports.items():
            text = text.replace(port, written)
        return text

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Runs it in the clone; what it exports is there for the next one. Typed is the key."""
        kept = self.home / "variables"
        kept.touch()
        script = f". {kept}\n{script}\ncode=$?\nexport -p > {kept}\nexit $code"
        command = ["bash", "-c", script]
        return subprocess.run(
            command,
            cwd=self.clone,
            env=self._env,
            input=f"{KEY}\n",
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )

    def save(self, text: str) -> None:
        """Puts the sections of ``text`` in the place of those that config.yaml has; returns once they are in force."""
        self.write(text)
        self.reload()

    def reload(self) -> None:
        """``tppcd reload``, without its start."""
        transport = httpx.HTTPTransport(uds=str(self.home / ".local/state/tppcd/admin.sock"))
        with httpx.Client(transport=transport, timeout=PATIENCE) as admin:
            done = admin.post("http://localhost/v0/management/reload")
        assert done.status_code == 200, done.text

    def write(self, text: str) -> None:
        """The same, without a daemon."""
        for name in re.findall(r"file:~/([\w.-]+)", text):
            if not (self.home / name).exists():
                (self.home / name).write_text(f"key-in-{name}\n")
        text = self.hosts_here(self.here(text))
        config = self.config.read_text("utf-8")
        for key in re.findall(r"^([a-z-]+):", text, re.M):
            config = re.sub(rf"^{key}:[^\n]*\n(?:[ \t]+[^\n]*\n|\n)*", "", config, flags=re.M)
        self.config.write_text(f"{config}\n{text}", "utf-8")

    def set_up_codex(self, toml: str) -> None:
        """Codex CLI, with a key in its own file."""
        codex = self.home / ".codex"
        codex.mkdir(exist_ok=True)
        (codex / "config.toml").write_text(self.hosts_here(self.here(toml)), "utf-8")
        (codex / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": KEY}))

    def hosts_here(self, text: str) -> str:
        """With the simulator in the place of every provider."""
        return re.sub(r"https://[\w.-]+(?=[/\s])", f"http://127.0.0.1:{self.ports['18317']}", text)

    def close(self) -> None:
        """Ends what it has started."""
        for running in self.running.values():
            running.close()

    def _start(self, written: str, *args: str) -> None:
        if written in self.running:  # the page says to stop it first
            self.running.pop(written).close()
        port = self.ports.get(written) or "0"
        home = self.home / f"{written}-{len(list(self.home.iterdir()))}"
        home.mkdir()
        env = self._env | {"PYTHONPATH": str(ROOT)}
        running = Running((*args, "--port", port), home, env, cwd=self.clone)
        self.running[written] = running
        running.url = "http://" + running.wait_log(r"(?:listening|upstream) on (?:http://)?([\w.]+:\d+)\b")[1]
        self.ports[written] = running.url.rpartition(":")[2]

    def _environment(self) -> dict[str, str]:
        """Also what a page has the user export before the daemon starts."""
        keys = {"PACKYCODE_API_KEY": KEY, "FOX_API_KEY": KEY, "TPPCD_MANAGEMENT_KEY": MANAGEMENT_KEY}
        keys |= {"FOX_KEY_1": KEY, "FOX_KEY_2": KEY}
        path = os.pathsep.join((str(self.clone / ".venv/bin"), str(CLAUDE.parent), os.environ["PATH"]))
        usual = {"STATE_DIRECTORY": "", "RUNTIME_DIRECTORY": ""}  # below the home
        return environment(self.home, {"PATH": path, "NO_PROXY": "127.0.0.1", **keys, **usual})


@contextlib.contextmanager
def walk() -> Iterator[Walk]:
    """A new user with an empty home."""
    with tempfile.TemporaryDirectory(prefix="tppcd-") as home:
        walking = Walk(Path(home))
        try:
            yield walking
        finally:
            walking.close()
            for running in walking.running.values():
                print(f"--- {running.url}\n{running.log}", file=sys.stderr)
