"""The real clients, asked for one answer without tools; those of ``tests.clients`` need a model that plays a script."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients import CLIENTS

HERE = Path(__file__).parent
PATIENCE = 110
NOWHERE = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
"""What would leave this machine fails at once."""


def _client(path: str) -> Path:
    client = CLIENTS / path
    if not client.exists():
        pytest.skip(f"{client} is missing: run `make clients`")
    return client


def _run(command: list[str], home: Path, environment: dict[str, str]) -> str:
    everything = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **NOWHERE, **environment}
    done = subprocess.run(
        command,
        cwd=home,
        env=everything,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def claude_code(url: str, model: str, home: Path) -> tuple[list[str], dict[str, Any]]:
    """The texts that Claude Code saw arrive, and its result, of one prompt; fails unless it exits 0."""
    command = [str(_client("cc/node_modules/.bin/claude")), "-p", "Say hello", "--verbose"]
    command += ["--output-format", "stream-json", "--include-partial-messages"]
    environment = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": "any",
        "ANTHROPIC_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "TERM": "dumb",
    }
    lines = [json.loads(line) for line in _run(command, home, environment).splitlines()]
    deltas = [line["event"].get("delta", {}) for line in lines if line["type"] == "stream_event"]
    (result,) = [line for line in lines if line["type"] == "result"]
    return [delta["text"] for delta in deltas if delta.get("type") == "text_delta"], result


def openai_sdk(url: str, model: str, api: str, home: Path) -> tuple[list[str], str]:
    """The texts that the OpenAI SDK saw arrive, and what the last event says; ``api`` is chat or responses."""
    python = _client("venv/bin/python")
    answer = json.loads(_run([str(python), str(HERE / "openai_sdk.py"), f"{url}/v1", model, api], home, {}))
    return answer["pieces"], answer["end"]
