"""Claude Code and Codex CLI in conversations of several turns: each with a home and a working directory of its own.

For one task in one turn there are the runners of ``tests.clients``. Options and settings are those of Claude Code
2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients import BINARIES, CLIENTS

KEY: Final = "sk-test-123"
MARKER: Final = "DONE-42"
"""The scripted model ends each task with it."""
LONGEST: Final = 100
"""Seconds that one turn may take: a client that waits for longer hangs."""
NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy for everything but loopback: clients look for updates, and nothing may leave this machine."""


class Agent:
    """A client that works in ``work``. ``model`` is the name it asks for; ``url`` the gateway's."""

    runner = ""

    def __init__(self, url: str, model: str, place: Path, settings: Mapping[str, str]) -> None:
        self.url = url
        self.model = model
        self.work = place / "work"
        self.settings = settings
        self._home = place / "home"
        self._turns = 0
        self.work.mkdir()
        self._home.mkdir()

    def asked(self, words: str) -> str:
        """One turn, the next of the same conversation; gives the last message. It fails where the client does."""
        command, environment = self._command(words, first=not self._turns)
        done = subprocess.run(
            [str(_installed(self.runner)), *command],
            cwd=self.work,
            env=self._common | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST,
            check=False,
        )
        self._turns += 1
        assert done.returncode == 0, f"{self.runner} exited with {done.returncode}\n{_short(done.stdout + done.stderr)}"
        return self._last_message(done.stdout)

    def makes(self, name: str, content: str) -> str:
        """One turn with the task to make a file, which it then has made."""
        said = self.asked(f"Create a file {name} containing {content}")
        file = self.work / name
        assert file.is_file() and file.read_text("utf-8").strip() == content, f"no {name} was made: {said}"
        assert MARKER in said
        return said

    @property
    def _common(self) -> dict[str, str]:
        spared = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        proxies = {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE} | spared
        return {"PATH": os.environ["PATH"], "HOME": str(self._home), "LANG": "C.UTF-8", "TERM": "dumb"} | proxies

    def _command(self, words: str, *, first: bool) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def _last_message(self, output: str) -> str:
        raise NotImplementedError


class ClaudeCode(Agent):
    """``settings`` are environment variables."""

    runner = "run-claude-code.sh"

    def _command(self, words: str, *, first: bool) -> tuple[list[str], dict[str, str]]:
        options = ["--output-format", "json", "--permission-mode", "acceptEdits", "--allowedTools", "Bash,Agent"]
        environment = {
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "ANTHROPIC_MODEL": self.model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        return ["-p", words, *options, *(() if first else ("-c",))], environment | dict(self.settings)

    def _last_message(self, output: str) -> str:
        result: dict[str, Any] = json.loads(output)
        assert result["is_error"] is False, output
        return str(result.get("result") or "")


class Codex(Agent):
    """``settings`` are those of its config.toml, as it takes them on the command line."""

    runner = "run-codex.sh"
    provider = "gateway"

    def _command(self, words: str, *, first: bool) -> tuple[list[str], dict[str, str]]:
        own = {
            "model_provider": self.provider,
            "openai_base_url": f"{self.url}/v1",
            "model_providers.gateway.name": "Gateway",
            "model_providers.gateway.base_url": f"{self.url}/v1",
            "model_providers.gateway.env_key": "GATEWAY_KEY",
            "model_providers.gateway.wire_api": "responses",
        }
        settings = [part for name, value in (own | dict(self.settings)).items() for part in ("-c", f"{name}={value}")]
        options = ["--skip-git-repo-check", "--json", "--dangerously-bypass-approvals-and-sandbox", "-o", self._said]
        turn = [words] if first else ["resume", "--last", words]
        command = ["exec", "-m", self.model, *settings, *map(str, options), *turn]
        codex_home = self._home / ".codex"
        codex_home.mkdir(exist_ok=True)
        return command, {"CODEX_HOME": str(codex_home), "GATEWAY_KEY": KEY, "CODEX_API_KEY": KEY}

    @property
    def _said(self) -> Path:
        return self._home / "last.txt"

    def _last_message(self, output: str) -> str:
        return self._said.read_text("utf-8")


class BuiltInCodex(Codex):
    """Codex whose own provider, OpenAI, is at the gateway's address (``openai_base_url``). It then uses more of the
    Responses API than with a provider of config.toml: it tries a WebSocket, and asks for compaction items."""

    provider = "openai"


AGENTS: Final[Mapping[str, type[Agent]]] = {"claude": ClaudeCode, "codex": Codex, "built-in codex": BuiltInCodex}


@contextlib.contextmanager
def agent(kind: str, url: str, model: str, **settings: str) -> Iterator[Agent]:
    """One of ``AGENTS`` in a place of its own; the test skips where it is not installed."""
    made = AGENTS[kind]
    _installed(made.runner)
    with tempfile.TemporaryDirectory(prefix="tppcd-", ignore_cleanup_errors=True) as place:
        yield made(url, model, Path(place), settings)


def _short(output: str) -> str:
    """The last lines, each without its middle: events repeat what tools have returned."""
    return "\n".join(line if len(line) < 600 else f"{line[:300]} … {line[-300:]}" for line in output.splitlines()[-20:])


def _installed(runner: str) -> Path:
    binary = CLIENTS / BINARIES[runner]
    if not binary.exists():
        pytest.skip(f"{binary} is missing: run `make clients`")
    return binary
