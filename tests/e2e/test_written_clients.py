"""What ``tppcd client NAME --write`` writes is enough: with an empty home, each client gets its answer."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from daemon.config.schema import DEFAULT_MODELS
from tests.clients import CLIENTS
from tests.harness import Daemon, Simulator, config, daemon, provider, tppcd

COMMANDS = {
    "claude": ("cc/node_modules/.bin/claude", "-p", "Say hello"),
    "codex": ("codex/node_modules/.bin/codex", "exec", "--skip-git-repo-check", "Say hello"),
    "opencode": ("opencode/node_modules/.bin/opencode", "run", "Say hello"),
    "aider": ("aider/bin/aider", "--yes-always", "--no-check-update", "--no-git", "--message", "Say hello"),
}
INSTALL = {
    "claude": "run `make clients`",
    "codex": "run `make clients`",
    "opencode": f"run `npm install --prefix {CLIENTS}/opencode opencode-ai`",
    "aider": f"run `python3 -m venv {CLIENTS}/aider && {CLIENTS}/aider/bin/pip install aider-chat`",
}
NOWHERE = "http://127.0.0.1:9"
"""A proxy for everything but loopback: nothing may leave this machine."""

KEY = "sk-client-0123456789"
RUNS = [("claude", []), ("claude", [KEY]), ("codex", []), ("codex", [KEY]), ("opencode", [KEY]), ("aider", [KEY])]
"""opencode and aider take 10 s and more to start, so they have one each."""


@pytest.mark.parametrize(("name", "keys"), RUNS)
def test_one_prompt_with_an_empty_home(upstream: Simulator, tmp_path: Path, name: str, keys: list[str]) -> None:
    program, *arguments = COMMANDS[name]
    if not (CLIENTS / program).exists():
        pytest.skip(f"{CLIENTS / program} is missing: {INSTALL[name]}")
    with daemon(config(provider("fox", upstream), api_keys=keys)) as gateway:
        written = write(gateway, name, tmp_path)
        assert written.returncode == 0, written.stderr
        done = prompted(CLIENTS / program, arguments, tmp_path)
    assert "Hello from" in done.stdout + done.stderr or "DONE-42" in done.stdout, done.stdout + done.stderr
    assert upstream.requests


def write(gateway: Daemon, name: str, home: Path) -> subprocess.CompletedProcess[str]:
    options = ("--config", str(gateway.config), "--url", gateway.url)
    return tppcd("client", name, "--write", *options, home=home)


def prompted(program: Path, arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    work = home / "work"
    work.mkdir()
    spared = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    proxies = {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE} | spared
    return subprocess.run(
        [str(program), *arguments],
        cwd=work,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb"} | proxies,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize(
    ("model", "lost"),
    [("gpt-5-xhigh", "reasoning_effort"), ("fox/gpt-5-xhigh", "reasoning_effort"), ("gpt-5-high", None)],
)
def test_an_effort_in_the_name_that_the_model_does_not_have_is_reported(
    gateway: Daemon, model: str, lost: str | None
) -> None:
    assert {"gpt-5", "gpt-5-high"} <= {each.name for each in DEFAULT_MODELS}
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.post("/v1/chat/completions", body)
    assert (answer.status_code, answer.headers.get("x-tppcd-lost")) == (200, lost)
