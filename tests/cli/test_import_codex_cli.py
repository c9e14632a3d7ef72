"""``import codex-cli``: Codex CLI's files as a packycode block or a tppc provider, on stdout or into the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.import_codex_cli import NothingToImport, imported, merged
from daemon.config.document import parse

KEY = "sk-planted-codex"
SEED = """
model_provider = "packycode"
model = "gpt-5"
model_reasoning_effort = "high"
disable_response_storage = true

[model_providers.packycode]
name = "packycode"
base_url = "https://codex-api.packycode.com/v1"
wire_api = "responses"
requires_openai_auth = true

[model_providers.fox]
base_url = "https://fox.example/v1"
env_key = "FOX_API_KEY"
wire_api = "chat"
"""
COMMENTED = """\
# my gateway
port: 9000   # not the usual one

packycode:
  enabled: false   # soon
  # where it is
  base-url: https://old.example/v1
tppc:
  providers:
    - name: wolf   # keep me
      enabled: false
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Codex CLI that is set up as the seed says, and nothing else in the environment."""
    codex = tmp_path / "codex"
    codex.mkdir()
    (codex / "config.toml").write_text(SEED)
    (codex / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": KEY}))
    monkeypatch.setenv("CODEX_HOME", str(codex))
    monkeypatch.setenv("FOX_API_KEY", "sk-planted-fox")
    for name in ("PACKYCODE_BASE_URL", "PACKYCODE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["import", "codex-cli", *arguments]) == exit_codes.OK
    document = parse(capsys.readouterr().out.encode())
    assert document.diagnostics == ()
    return document.data


def test_the_seed_s_packycode_becomes_the_block(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == {
        "packycode": {
            "enabled": True,
            "base-url": "https://codex-api.packycode.com/v1",
            "requires-openai-auth": True,
            "privacy": {"disable-response-storage": True},
            "defaults": {"model": "gpt-5", "model-reasoning-effort": "high"},
            "credentials": {"openai-api-key": KEY},
        }
    }


def test_another_provider_becomes_a_tppc_entry(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (entry,) = printed(capsys, "--provider", "fox")["tppc"]["providers"]
    assert (entry["name"], entry["enabled"], entry["wire-api"]) == ("fox", True, "chat")
    assert entry["api-key"] == "env:FOX_API_KEY"
    (same,) = printed(capsys, "--as", "tppc")["tppc"]["providers"]
    assert (same["name"], same["api-key"]) == ("packycode", KEY)


def test_a_terminal_does_not_show_the_key(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["import", "codex-cli"]) == exit_codes.OK
    out, err = capsys.readouterr()
    assert KEY not in out + err
    assert "not shown on a terminal" in err


@pytest.mark.parametrize(
    "config, auth, told",
    [
        ({}, {}, "names no model_provider"),
        ({"model_provider": "fox"}, {}, "no [model_providers.fox]"),
        ({"model_provider": "fox", "model_providers": {"fox": {}}}, {}, "no [model_providers.fox]"),
    ],
)
def test_what_cannot_be_imported_is_told(config: dict[str, Any], auth: dict[str, Any], told: str) -> None:
    with pytest.raises(NothingToImport) as caught:
        imported(config, auth)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "name, text, place",
    [
        ("config.toml", f"key = {KEY} ][", "1:7"),
        ("config.toml", "model = 'x'\nbase_url = https://a.example\n", "2:12"),
        ("config.toml", "model = \u201cx\u201d\n", "1:9"),
        ("auth.json", f"{{{KEY}", "1:2"),
        ("auth.json", f'{{\n"a": "{KEY}",\n}}', "3:1"),
        ("auth.json", "", "1:1"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_reported_with_its_place_and_not_quoted(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, place: str
) -> None:
    (home / "codex" / name).write_text(text)
    assert main(["import", "codex-cli"]) == exit_codes.FAILURE
    printed = capsys.readouterr().err
    assert KEY not in printed
    assert printed.startswith(f"tppcd: {home / 'codex' / name}:{place}: ") and len(printed.splitlines()) == 1


def test_without_codex_cli_it_says_so(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(home / "nowhere"))
    assert main(["import", "codex-cli"]) == exit_codes.FAILURE
    assert "config.toml cannot be read" in capsys.readouterr().err


def test_a_provider_without_a_key_is_imported_switched_off() -> None:
    found = imported({"model_provider": "a", "model_providers": {"a": {"base_url": "http://a"}}}, {})
    assert found == {"tppc": {"providers": [{"name": "a", "enabled": False, "base-url": "http://a"}]}}


def test_what_is_in_the_file_already_stays() -> None:
    old = {"tppc": {"providers": [{"name": "Fox", "weight": 3, "defaults": {"model": "m"}}, {"name": "wolf"}]}}
    new = {"tppc": {"providers": [{"name": "fox", "enabled": True, "defaults": {"model-reasoning-effort": "low"}}]}}
    fox, wolf = merged(old, new)["tppc"]["providers"]  # type: ignore[index]  # plain data
    assert fox == {
        "name": "fox",
        "weight": 3,
        "enabled": True,
        "defaults": {"model": "m", "model-reasoning-effort": "low"},
    }
    assert wolf == {"name": "wolf"}


@pytest.mark.parametrize(
    "key, keys",
    [
        ("env:FOX_KEY_3", ["env:FOX_KEY_1", "sk-2", "env:FOX_KEY_3"]),
        ("sk-2", ["env:FOX_KEY_1", "sk-2"]),
        ("env:FOX_KEY_1", ["env:FOX_KEY_1", "sk-2"]),
        (None, ["env:FOX_KEY_1", "sk-2"]),
    ],
)
def test_a_provider_with_a_list_of_keys_keeps_them(key: str | None, keys: list[str]) -> None:
    old = {"tppc": {"providers": [{"name": "fox", "api-key": ["env:FOX_KEY_1", "sk-2"]}]}}
    new = {"tppc": {"providers": [{"name": "fox"} | ({"api-key": key} if key else {})]}}
    assert merged(old, new)["tppc"]["providers"] == [{"name": "fox", "api-key": keys}]  # type: ignore[index]  # plain data


def test_written_into_a_commented_file_every_other_line_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "config.yaml"
    path.write_text(COMMENTED)
    path.chmod(0o600)
    for provider in ("packycode", "fox"):
        arguments = ["import", "codex-cli", "--write", "--config", str(path), "--provider", provider]
        assert main(arguments) == exit_codes.OK
    text = path.read_text()
    for kept in ("# my gateway\nport: 9000   # not the usual one\n", "  # where it is\n", "- name: wolf   # keep me\n"):
        assert kept in text
    assert "enabled: true   # soon\n" in text
    checked = read(str(path))
    assert checked.snapshot is not None
    assert [auth.name for auth in checked.snapshot.core_auths] == ["packycode", "fox"]
    out = capsys.readouterr().out
    assert "packycode.enabled: false -> true" in out
    assert "planted" not in out


def test_written_where_there_is_no_file_yet(home: Path) -> None:
    path = home / "config.yaml"
    assert main(["import", "codex-cli", "--write", "--config", str(path)]) == exit_codes.OK
    assert path.stat().st_mode & 0o777 == 0o600
    assert read(str(path)).errors == 0


def test_written_below_the_comments_of_a_file_without_settings(home: Path) -> None:
    path = home / "config.yaml"
    path.write_text("# mine\n")
    path.chmod(0o600)
    assert main(["import", "codex-cli", "--write", "--config", str(path)]) == exit_codes.OK
    assert path.read_text().startswith("# mine\n\npackycode:\n  enabled: true\n")


def test_a_file_that_would_not_be_valid_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOX_API_KEY")
    path = home / "config.yaml"
    path.write_text(COMMENTED)
    arguments = ["import", "codex-cli", "--write", "--config", str(path), "--provider", "fox"]
    assert main(arguments) == exit_codes.CONFIG
    assert path.read_text() == COMMENTED
