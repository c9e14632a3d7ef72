"""SC-001: from an empty folder to the first answer of a real Claude Code, with nothing but what README says.

    make soak              or: pytest -m soak tests/pages/test_first_answer.py

Everything is real: ``git clone``, ``make run`` with an empty pip cache, Claude Code. Not as on the page are the ports,
and the addresses of providers, which are simulators that take the user's key alone. Times are printed, not asserted.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients import BINARIES
from tests.harness import ROOT, Running, wait_for
from tests.pages.blocks import Block, blocks
from tests.pages.walk import CLAUDE, KEY, Walk

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLAUDE.exists(), reason=f"{BINARIES['run-claude-code.sh']} is missing: run `make clients`"),
]
INSTALLS: Final = 600.0
"""Seconds for ``make run`` until it listens."""


class NewUser(Walk):
    """With a real clone. ``listening`` is when the daemon was there, in seconds."""

    patience = INSTALLS

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.began = time.monotonic()
        self.listening = 0.0
        shutil.rmtree(self.clone)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)

    def start(self, command: str = "make run") -> None:
        """The daemon in a terminal of its own, on another port."""
        self._on_port(free_port())
        home = self.home / "terminal"
        home.mkdir()
        running = Running((), home, self._env, under=("sh", "-c", f"exec {command}"), cwd=self.clone)
        self.running["8317"] = running
        running.wait_log("listening on", seconds=INSTALLS)
        self.listening = time.monotonic() - self.began
        running.url = f"http://127.0.0.1:{self.ports['8317']}"

    def simulate(self, profile: str = "") -> str:
        """The provider that the user has a key of. Gives its base URL."""
        self._start("18317", "simulate", "--key", KEY, *(("--profile", profile) if profile else ()))
        paths = self.running["18317"].get("/_simulate").json()["base-urls"]
        return f"{self.running['18317'].url}{paths.get('chat') or paths['responses']}"

    def answered(self) -> None:
        """Claude Code gets an answer, connected as README says, as soon as there are models."""
        wait_for(lambda: self.running["8317"].get("/v1/models").json()["data"], "models")
        self.do(block("README.md", "claude -p"))
        assert "Hello from tppcd simulate" in self.output, self.output

    def _on_port(self, port: str) -> None:
        self.ports["8317"] = port
        text = self.config.read_text("utf-8")
        self.config.write_text(re.sub(r"^# port: 8317", f"port: {port}", text, flags=re.M), "utf-8")

    def _environment(self) -> dict[str, str]:
        """That of a person, with the package index of this machine."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
        return super()._environment() | kept | {"PYTHONPATH": ""}


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def block(page: str, words: str) -> Block:
    """The block of ``page`` that has ``words``."""
    return next(each for each in blocks(page) if words in each.text)


@pytest.fixture
def user(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[NewUser]:
    with tempfile.TemporaryDirectory(prefix="tppcd-", ignore_cleanup_errors=True) as home:
        newcomer = NewUser(Path(home))
        try:
            yield newcomer
            took = time.monotonic() - newcomer.began
            with capsys.disabled():
                print(f"\n{request.node.name}: {took:.0f} s, the daemon was there after {newcomer.listening:.0f} s")
        finally:
            newcomer.close()


@pytest.mark.parametrize("page", ["README.md", "README_CN.md"])
def test_with_the_simulator(user: NewUser, page: str) -> None:
    user.start()
    user.do(block(page, "tppcd simulate\n"))
    user.save(block(page, "name: simulate").text)
    user.answered()


@pytest.mark.parametrize("preset", ["packycode", "deepseek", "vllm"])
def test_with_a_key_that_goes_into_a_file(user: NewUser, preset: str) -> None:
    """README's command, for three presets."""
    command = block("README.md", "init packycode").commands[0].partition("#")[0].replace("packycode", preset)
    url = user.simulate("codex-relay" if preset == "packycode" else preset)
    user.start()
    user.type(f"{command} --base-url {url}")
    user.answered()


def test_with_import_codex_cli(user: NewUser) -> None:
    user.simulate()
    user.set_up_codex(block("docs/how-to/import-codex-cli.md", 'base_url = "').text)
    user.start()
    user.type(".venv/bin/tppcd import codex-cli --write")
    user.answered()


def test_from_the_wheel_with_uvx(user: NewUser) -> None:
    """Without the clone's ``config.yaml``: ``init`` writes one."""
    if not shutil.which("uvx"):
        pytest.skip("uvx is missing: pip install uv")
    url = user.simulate("deepseek")
    user.type("make dist")
    user.config.unlink()
    tppcd = f"uvx --quiet --from {next((user.clone / 'dist').glob('*.whl'))} tppcd"
    user.type(f"{tppcd} init deepseek --key - --base-url {url}")
    user.start(f"{tppcd} run")
    user.answered()
