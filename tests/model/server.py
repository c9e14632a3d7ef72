"""``transformers serve`` as a process, in the environment that ``make e2e-model`` sets up."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, wait_for

ENVIRONMENT = Path(os.environ.get("E2E_MODEL", Path.home() / ".cache" / "tppcd-e2e-model")) / "venv"
HERE = Path(__file__).parent
LOADING = 400.0
"""Seconds. To import torch takes half a minute on a busy machine."""


def _environment(folder: Path) -> dict[str, str]:
    """No hub, none of the developer's models, one thread: the model is so small that more are slower."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def make_models(folder: Path) -> None:
    """``folder/llama`` and ``folder/gpt2``. Fails where the environment is missing: this suite has no stand-in."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing: run `make e2e-model`")
    texts = [str(ROOT / "README.md"), *map(str, sorted((ROOT / "docs" / "explanation").glob("*.md")))]
    command = [str(python), str(HERE / "make_model.py"), str(folder), *texts]
    done = subprocess.run(
        command, env=_environment(folder), capture_output=True, text=True, timeout=LOADING, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


class ModelServer:
    """Serves ``folder/model`` under the name ``model`` on a free port of loopback, from the first line on."""

    def __init__(self, folder: Path, model: str) -> None:
        self.model = model
        self._log = folder / f"{model}.log"
        command = [str(ENVIRONMENT / "bin" / "transformers"), "serve", model]
        command += ["--device", "cpu", "--default-seed", "1", "--host", "127.0.0.1", "--port", "0"]
        with self._log.open("wb") as output:
            # The name is a path from the working directory; elsewhere it would be looked up at the hub.
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_url(self) -> str:
        """Where it answers, once it does."""
        return wait_for(self._url, f"{self.model} to be served", seconds=LOADING)

    def _url(self) -> str | None:
        written = self._log.read_text("utf-8", "replace")
        assert self._process.poll() is None, f"the server exited with {self._process.returncode}:\n{written}"
        match = re.search(r"Uvicorn running on (http://[\d.]+:\d+)", written)
        return match and match[1]

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def serving(folder: Path, *models: str) -> Iterator[dict[str, str]]:
    """The URL of each model's server. They start together: most of it is to import PyTorch."""
    with contextlib.ExitStack() as cleanup:
        servers = [ModelServer(folder, model) for model in models]
        for server in servers:
            cleanup.callback(server.close)
        yield {server.model: server.wait_url() for server in servers}
