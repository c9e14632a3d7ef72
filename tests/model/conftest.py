"""The models are made once per run; each is served by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Daemon, config, daemon
from tests.model.server import make_models, serving

KEY = "management-key-of-e2e-model"
ROWS = {
    "plain": {"type": "openai", "api_key": "key-of-plain"},
    "keyless": {"type": "vllm"},
    "short": {"type": "openai", "api_key": "key-of-short"},
}
"""The providers of the store; ``short`` leads to ``gpt2``, the others to ``llama``."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models are."""
    folder = tmp_path_factory.mktemp("models")
    make_models(folder)
    return folder


@pytest.fixture(scope="session")
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """URLs by the model that is served there."""
    with serving(folder, "llama", "gpt2") as urls:
        yield urls


@pytest.fixture(scope="session")
def llama(servers: dict[str, str]) -> str:
    return servers["llama"]


@pytest.fixture(scope="session")
def gpt2(servers: dict[str, str]) -> str:
    return servers["gpt2"]


@pytest.fixture(scope="session")
def gateway(llama: str, gpt2: str) -> Iterator[Daemon]:
    """A daemon whose only providers are those of the store, created through its API; their keys are checked."""
    text = config(remote_management={"secret-key": KEY}, disable_cooling=True, request_retry=0)
    with daemon(text) as running:
        for name, fields in ROWS.items():
            url = gpt2 if name == "short" else llama
            created = running.post(
                "/api/v1/providers",
                {"name": name, "base_url": f"{url}/v1", **fields},
                headers={"x-management-key": KEY},
            )
            assert created.status_code == 201, created.text
        yield running


def listed(gateway: Daemon) -> set[str]:
    """The names in ``/v1/models``."""
    return {each["id"] for each in gateway.get("/v1/models").raise_for_status().json()["data"]}
