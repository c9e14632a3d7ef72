"""The real clients, where they are installed; a test that needs one skips, naming what is missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.harness import ROOT

SHARED = ROOT.parent / "shared"
CLIENTS = Path(os.environ.get("CLIENTS", Path.home() / ".cache" / "llm-clients"))
BINARIES = {
    "run-claude-code.sh": "cc/node_modules/.bin/claude",
    "run-codex.sh": "codex/node_modules/.bin/codex",
    "run-sdk.py": "venv/bin/python",
}


def run_client(runner: str, *args: str, generation: str = "") -> str:
    """Runs one of the runners in ``../shared/clients`` and gives what it said; fails unless it exits 0.

    ``generation`` picks an environment of SDKs: ``-old`` for the one before.
    """
    done = ended_client(runner, *args, generation=generation)
    assert done.returncode == 0, f"{runner} {' '.join(args)} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def ended_client(
    runner: str, *args: str, generation: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same, however it ends; fails where it does not end within 110 s."""
    program = SHARED / "clients" / runner
    binary = CLIENTS / BINARIES[runner].replace("venv", f"venv{generation}")
    for needed, remedy in ((program, "the shared folder is absent"), (binary, "run `make clients`")):
        if not needed.exists():
            pytest.skip(f"{needed} is missing: {remedy}")
    command = [str(binary), str(program)] if runner.endswith(".py") else [str(program)]
    environment = {**os.environ, "CLIENTS": str(CLIENTS), **(env or {})}
    return subprocess.run(
        [*command, *args], env=environment, capture_output=True, text=True, errors="replace", timeout=110, check=False
    )
