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


@pytest.mark.parametrize("name", ["claude", "aider", "openai", "anthropic"])
def test_what_is_for_a_shell_says_so_and_what_is_not_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert "for a shell" in printed(tmp_path, capsys, name).splitlines()[0]
    with pytest.raises(SystemExit):
        main(["client", "--help"])
    assert " ".join(capsys.readouterr().out.split()).count(name) > 1


@pytest.mark.parametrize("name", ["codex", "opencode"])
def test_a_block_for_a_file_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    first = printed(tmp_path, capsys, name).splitlines()[0]
    assert "not for a shell" in first and "~/." in first


ENTRY = "{{name: {0}, enabled: true, base-url: 'http://{0}', api-key: k, defaults: {{model: {1}}}, models: [{1}]}}"


@pytest.mark.parametrize(
    ("models", "window"),
    [
        (["gpt-5"], "272000"),
        (["deepseek-chat"], "128000"),
        (["gpt-5", "deepseek-chat"], "128000"),
        (["odd"], ""),
        (["gpt-5", "odd"], ""),
    ],
)
def test_claude_code_gets_the_window_of_the_models_behind_its_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], models: list[str], window: str
) -> None:
    """Only where it is known of each."""
    entries = ", ".join(ENTRY.format(f"p{at}", model) for at, model in enumerate(models))
    script = printed(tmp_path, capsys, "claude", f"tppc: {{providers: [{entries}]}}\n")
    assert evaluated(script, "CLAUDE_CODE_AUTO_COMPACT_WINDOW") == window
    assert evaluated(script, "CLAUDE_CODE_MAX_CONTEXT_TOKENS") == window


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
