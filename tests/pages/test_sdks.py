"""The programs of docs/how-to/sdks.md run as they are, with the real SDKs, and get an answer."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients import CLIENTS
from tests.harness import PATIENCE, Daemon, Simulator, config, daemon, environment, provider
from tests.pages.blocks import Block, blocks

NODE_SDKS: Final = Path(os.environ.get("NODE_SDKS", CLIENTS / "node"))
"""A folder in which ``npm install openai @anthropic-ai/sdk`` has been run."""
PROGRAMS: Final = [
    pytest.param(each, id=f"{each.lang}-{each.line}") for each in blocks("docs/how-to/sdks.md", "python", "js")
]


@pytest.fixture
def gateway(upstream: Simulator) -> Iterator[Daemon]:
    with daemon(config(provider("fox", upstream))) as running:
        yield running


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_page_gets_its_answers(gateway: Daemon, program: Block, tmp_path: Path) -> None:
    text = re.sub(r"\b8317\b", gateway.url.rpartition(":")[2], program.text)
    printed = run(program.lang, text, tmp_path)
    assert printed.count("Hello from tppcd simulate") == text.count("Say hello"), printed


def run(lang: str, text: str, place: Path) -> str:
    """What it prints; skips where its SDK is missing."""
    if lang == "python":
        program, file = CLIENTS / "venv/bin/python", place / "program.py"
        if not program.exists():
            pytest.skip(f"{program} is missing: run `make clients`")
    else:
        program, file = Path("node"), place / "program.mjs"
        if not (NODE_SDKS / "node_modules").is_dir():
            pytest.skip(f"{NODE_SDKS} is missing: run `npm install openai @anthropic-ai/sdk` there, or set NODE_SDKS")
        (place / "node_modules").symlink_to(NODE_SDKS / "node_modules")
    file.write_text(text, "utf-8")
    env = environment(place, {"NO_PROXY": "127.0.0.1"})
    done = subprocess.run(
        [str(program), str(file)], env=env, cwd=place, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
