"""``migrate packycode``: the block as a tppc provider that serves the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.config.document import parse

COMMENTED = """\
# my gateway
packycode:
  enabled: true   # in use
  base-url: https://packy.example/v1
  # gpt-5 is dear
  defaults:
    model: gpt-5-codex
  credentials:
    openai-api-key: sk-planted-packy   # from the web page
api-keys: [sk-client]
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PACKYCODE_BASE_URL", "PACKYCODE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "nowhere"))
    path = tmp_path / "config.yaml"
    path.write_text(COMMENTED)
    path.chmod(0o600)
    return path


def printed(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["migrate", "packycode", "--config", str(path), *more]) == exit_codes.OK
    (entry,) = parse(capsys.readouterr().out.encode()).data["tppc"]["providers"]  # type: ignore[index]  # plain data
    return dict(entry)


def test_the_entry_says_the_same(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(path, capsys, "--name", "packy") == {
        "name": "packy",
        "enabled": True,
        "base-url": "https://packy.example/v1",
        "api-key": "sk-planted-packy",
        "defaults": {"model": "gpt-5-codex"},
    }
    assert path.read_text() == COMMENTED


def test_what_came_from_the_environment_becomes_a_reference(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("packycode: {enabled: true}\n")
    monkeypatch.setenv("PACKYCODE_API_KEY", "sk-planted")
    monkeypatch.setenv("PACKYCODE_BASE_URL", "https://env.example")
    entry = printed(path, capsys)
    assert (entry["api-key"], entry["base-url"]) == ("env:PACKYCODE_API_KEY", "https://env.example")


@pytest.mark.parametrize(
    "text, told",
    [("{}\n", "no packycode block"), (f"{COMMENTED}tppc: {{providers: [{{name: PackyCode}}]}}\n", "already")],
)
def test_what_cannot_be_migrated_is_told(path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    path.write_text(text)
    assert main(["migrate", "packycode", "--config", str(path)]) == exit_codes.FAILURE
    assert told in capsys.readouterr().err


def test_written_it_serves_the_same_models_and_keeps_every_comment(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(str(path)).snapshot
    assert main(["migrate", "packycode", "--write", "--config", str(path)]) == exit_codes.OK
    text = path.read_text()
    for comment in ("# my gateway", "# in use", "# gpt-5 is dear", "# from the web page"):
        assert comment in text
    after = read(str(path)).snapshot
    assert before is not None
    assert after is not None
    (old,), (new,) = before.core_auths, after.core_auths
    assert (old.url, old.api_key, old.defaults, old.models) == (new.url, new.api_key, new.defaults, new.models)
    assert new.source == "config:tppc[packycode]"
    assert "planted" not in capsys.readouterr().out
