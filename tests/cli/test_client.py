"""``client``: what it prints can be evaluated, and shows no key."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from daemon.cli import exit_codes, main


def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str = "port: 9000\n") -> str:
    (tmp_path / "c.yaml").write_text(text)
    assert main(["client", name, "--config", str(tmp_path / "c.yaml")]) == exit_codes.OK
    return capsys.readouterr().out


def evaluated(script: str, variable: str, **environment: str) -> str:
    """What a shell has in ``variable`` after evaluating ``script``."""
    command = ["sh", "-c", f'{script}\nprintf %s "${variable}"']
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "name, variable, value",
    [
        ("claude", "ANTHROPIC_BASE_URL", "http://127.0.0.1:9000"),
        ("claude", "ANTHROPIC_AUTH_TOKEN", "anything"),
        ("anthropic", "ANTHROPIC_BASE_URL", "http://127.0.0.1:9000"),
        ("anthropic", "ANTHROPIC_API_KEY", "anything"),
        ("openai", "OPENAI_BASE_URL", "http://127.0.0.1:9000/v1"),
        ("openai", "OPENAI_API_KEY", "anything"),
    ],
)
def test_a_shell_can_evaluate_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, variable: str, value: str
) -> None:
    assert evaluated(printed(tmp_path, capsys, name), variable) == value


def test_codex_gets_a_block_for_its_config_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = tomllib.loads(printed(tmp_path, capsys, "codex"))
    assert block["model_provider"] == "tppcd"
    assert block["model_providers"]["tppcd"]["base_url"] == "http://127.0.0.1:9000/v1"


def test_codex_is_given_a_model_that_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "tppc: {providers: [{name: a, enabled: true, base-url: http://a, api-key: b, models: [qwen3-coder]}]}\n"
    assert tomllib.loads(printed(tmp_path, capsys, "codex", text))["model"] == "qwen3-coder"


@pytest.mark.parametrize("name", ["claude", "codex", "openai", "anthropic"])
def test_a_literal_key_is_not_printed_the_variable_to_fill_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = printed(tmp_path, capsys, name, "api-keys: [sk-planted-client-key]\n")
    assert "planted" not in text
    assert "TPPCD_API_KEY" in text


def test_a_referenced_key_is_taken_from_its_variable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-planted")
    script = printed(tmp_path, capsys, "claude", "api-keys: ['env:MY_KEY']\n")
    assert "planted" not in script
    assert evaluated(script, "ANTHROPIC_AUTH_TOKEN", MY_KEY="sk-planted") == "sk-planted"


@pytest.mark.parametrize(
    "text, url",
    [
        ("host: 0.0.0.0\n", "http://127.0.0.1:8317"),
        ("host: '::'\n", "http://[::1]:8317"),
        ("host: gateway.lan\n", "http://gateway.lan:8317"),
    ],
)
def test_the_address_is_one_that_can_be_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, url: str
) -> None:
    assert f"ANTHROPIC_BASE_URL={url}\n" in printed(tmp_path, capsys, "claude", text)


def test_a_broken_config_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("port: high\n")
    assert main(["client", "claude", "--config", str(tmp_path / "c.yaml")]) == exit_codes.CONFIG
    assert "port" in capsys.readouterr().err
