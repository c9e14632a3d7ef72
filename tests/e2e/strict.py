"""The strict Responses upstream of ../shared, for tests that need what the real API refuses."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients import SHARED
from tests.harness import wait_for

UPSTREAM = SHARED / "clients" / "upstream_responses.py"
KEY = "sk-test-planted-key"

needs_upstream = pytest.mark.skipif(not UPSTREAM.exists(), reason=f"{UPSTREAM} is missing: the shared folder is absent")


class StrictUpstream:
    """``url`` is where it answers; ``bodies`` what it was sent since the last reset, where a log is kept."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fail(self, *faults: object) -> None:
        """The next requests meet these faults, one each."""
        body = {"faults": list(faults), "reset": True}
        httpx.post(f"{self.url}/__ctl", json=body, trust_env=False).raise_for_status()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"{self.url}/__state", trust_env=False).json()
        return state


@contextlib.contextmanager
def strict_upstream(secret: str = "") -> Iterator[StrictUpstream]:
    """One on a free port. What it encrypts with a ``secret`` of its own no other can read."""
    with tempfile.TemporaryDirectory(prefix="tppcd-") as home:
        said = Path(home) / "log.txt"
        own = f"import upstream_responses as u; u.SECRET = {secret!r}.encode(); u.main()"
        script = ["-c", own] if secret else [str(UPSTREAM)]
        command = [sys.executable, *script, "--port", "0", "--key", KEY]
        with said.open("w") as log:
            process = subprocess.Popen(command, stderr=log, env=os.environ | {"PYTHONPATH": str(UPSTREAM.parent)})
        try:
            found = wait_for(lambda: re.search(r"on (http://\S+)/v1 pid", said.read_text("utf-8")), "its address")
            yield StrictUpstream(found[1])
        finally:
            process.terminate()
            process.wait()
