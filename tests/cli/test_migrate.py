"""``migrate packycode``: the block as a tppc provider that serves the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from daemon.api.management.masked import MASK, as_written
from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.config.document import parse
from daemon.config.schema import TppcProvider

IDENTITY = ("id", "client_id", "kind", "source", "profile_reason")
"""What names a core auth, and why it has its profile; all the rest is how it is used."""

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
  models: [gpt-5-codex, {name: gpt-5.1, alias: newest}]
  exclude-models: ["*-mini"]
  headers: {User-Agent: $User-Agent}
  proxy-url: http://proxy.example:3128
  timeouts: {idle: 60}
  instructions: system
  unsupported-parameters: [logprobs]
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
        "models": ["gpt-5-codex", {"name": "gpt-5.1", "alias": "newest"}],
        "exclude-models": ["*-mini"],
        "profile": "codex-relay",
        "headers": {"User-Agent": "$User-Agent"},
        "proxy-url": "http://proxy.example:3128",
        "timeouts": {"idle": 60},
        "instructions": "system",
        "unsupported-parameters": ["logprobs"],
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
    "base_url, given, profile",
    [
        ("https://codex-api.packycode.com/v1", "", None),
        ("https://packy.example", "", "codex-relay"),
        ("https://packy.example", "none", "none"),
        ("https://packy.example", "codex-relay", "codex-relay"),
    ],
)
def test_the_entry_has_the_profile_of_the_block(
    path: Path, capsys: pytest.CaptureFixture[str], base_url: str, given: str, profile: str | None
) -> None:
    path.write_text(f"packycode: {{base-url: '{base_url}', profile: '{given}'}}\n")
    assert printed(path, capsys).get("profile") == profile


def test_on_a_terminal_no_header_and_no_password_is_shown() -> None:
    headers = {"X-Team": "planted", "User-Agent": "$User-Agent", "X-Key": "env:KEY"}
    secret = {"api-key": "planted", "headers": headers, "proxy-url": "http://u:planted@p.example", "models": []}
    shown = as_written(TppcProvider, secret)
    assert "planted" not in str(shown)
    assert shown["headers"] == {**headers, "X-Team": MASK}
    assert list(shown) == list(secret)
    public = {"proxy-url": "http://p.example", "privacy": {"disable-response-storage": True}}
    assert as_written(TppcProvider, public) == public


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
    assert new.source == "config:tppc[packycode]"
    assert [name for name in IDENTITY if getattr(old, name) != getattr(new, name)] == list(IDENTITY)
    rest = {name: getattr(old, name) for name in old.__struct_fields__ if name not in IDENTITY}
    assert rest == {name: getattr(new, name) for name in rest}
    assert "planted" not in capsys.readouterr().out


def test_the_page_shows_what_the_command_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/packycode-to-tppc.md").read_text("utf-8")
    before, after = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("PACKYCODE_API_KEY", "sk-0123456789")
    file = tmp_path / "config.yaml"
    file.write_text(before)
    assert main(["migrate", "packycode", "--write", "--config", str(file)]) == exit_codes.OK
    assert file.read_text() == before.replace("enabled: true", "enabled: false") + after
