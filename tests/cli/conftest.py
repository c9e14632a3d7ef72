"""A user with a daemon that runs, an upstream, and the files that the examples of the commands mention."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Daemon, Simulator, daemon, environment, simulator

CONFIG = """\
port: 0
packycode:
  enabled: true
  base-url: {url}
  credentials: {{openai-api-key: env:PACKYCODE_API_KEY}}
tppc:
  providers:
    - {{name: fox, enabled: true, base-url: {url}, api-key: "file:{key}"}}
"""
CODEX = """\
model_provider = "relay"
[model_providers.relay]
base_url = "https://relay.example/v1"
"""
ENVIRONMENT = {"PACKYCODE_API_KEY": "sk-packy-0123456789", "WOLF_KEY": "sk-wolf-0123456789"}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon of the user whose home this is, with an upstream of its own."""
    home = tmp_path_factory.mktemp("h")
    with simulator() as upstream:
        text = prepared(home, upstream)
        with daemon(text, home=home, env=ENVIRONMENT) as running:
            yield running


def prepared(home: Path, upstream: Simulator) -> str:
    """The files that the examples mention, in ``home``; the text of its config.yaml."""
    (home / "deepseek.key").write_text("sk-deepseek-0123456789\n")
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(CODEX)
    (home / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-codex-0123456789"}')
    text = CONFIG.format(url=f"{upstream.url}/v1", key=home / "deepseek.key")
    (home / "tppcd").mkdir()
    (home / "tppcd" / "config.yaml").write_text(text)
    (home / "new.yaml").write_text(text + "request-retry: 1\n")
    return text


@pytest.fixture
def here(world: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with copies of the user's files, and the user's environment."""
    for name in ("config.yaml", "new.yaml"):
        shutil.copy(world.home / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "TPPCD_CONFIG", "CODEX_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(world.home, ENVIRONMENT).items():
        monkeypatch.setenv(name, value)
    return tmp_path
