"""``tppcd diff``, ``schema`` and ``explain``: what they print and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from tests.harness import Daemon
from tests.snapshot.world import PACKYCODE, tppc


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("TPPCD_CONFIG", "PACKYCODE_API_KEY", "PACKYCODE_BASE_URL", "CODEX_HOME", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def written(name: str, text: str) -> str:
    path = Path(name)
    path.touch(0o600)
    path.write_text(text)
    return name


def test_diff(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = written("old.yaml", PACKYCODE), written("new.yaml", PACKYCODE.replace("-packy", "-new") + tppc("fox"))
    assert main(["diff", old, new]) == exit_codes.OK
    heading, *rest = capsys.readouterr().out.splitlines()
    assert heading == "2 changes from old.yaml to new.yaml, 2 core auths (+1 ~1 -0)"
    assert rest == [
        "  packycode.credentials.openai-api-key: updated",
        "  tppc.providers[fox]: added (enabled)",
        "clients: 2 (1 packycode + 1 tppc + 0 store)",
    ]


def test_diff_of_the_same_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", written("old.yaml", PACKYCODE), written("new.yaml", "# x\n" + PACKYCODE)]) == exit_codes.OK
    assert capsys.readouterr().out == "no changes from old.yaml to new.yaml\n"


def test_diff_with_a_bad_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", written("old.yaml", PACKYCODE), written("new.yaml", "port: x\n")]) == exit_codes.CONFIG
    assert capsys.readouterr().err.startswith("new.yaml:1:7: error: port: expected a whole number, got text")


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == exit_codes.OK
    assert "packycode" in json.loads(capsys.readouterr().out)["properties"]


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    path = written(
        "config.yaml",
        PACKYCODE + tppc("fox, wire-api: chat, priority: 2", "wolf, enabled: false", "owl, enabled: false"),
    )
    assert main(["explain", "--model", "claude-sonnet-5(low)", "--config", path, "--entry", "responses"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "model     claude-sonnet-5(low) (entry responses)",
        "rule      model-aliases has claude-*, effort low",
        "strategy  round-robin, among the highest priority that is ready",
        "asked, in this order:",
        "  1.  fox        gpt-5  translated to chat  priority 2",
        "      https://fox.example  config:tppc[fox]",
        "  2.  packycode  gpt-5  passed through      priority 0",
        "      https://codex-api.packycode.com  config:packycode  profile codex-relay (default of packycode)",
        "not asked:",
        "  wolf, owl: disabled",
    ]


def test_explain_what_nobody_serves(capsys: pytest.CaptureFixture[str]) -> None:
    written("config.yaml", PACKYCODE)
    assert main(["explain", "--model", "gpt-5-codx"]) == exit_codes.FAILURE
    assert "did you mean 'gpt-5-codex'?" in capsys.readouterr().err


def test_explain_with_a_bad_file(capsys: pytest.CaptureFixture[str]) -> None:
    written("config.yaml", "port: x\n")
    assert main(["explain", "--model", "gpt-5"]) == exit_codes.CONFIG
    assert "config.yaml:1:7: error" in capsys.readouterr().err


def test_explain_asks_the_daemon_where_only_this_shell_lacks_a_key(
    here: Path, world: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be resolved here may be in force there; without a daemon it is not valid."""
    monkeypatch.delenv("PACKYCODE_API_KEY")
    assert main(["explain", "gpt-5"]) == exit_codes.OK
    shown = capsys.readouterr()
    assert "gpt-5 (entry messages), as the running daemon decides" in shown.out and "  1.  " in shown.out
    assert "environment variable PACKYCODE_API_KEY is not set" in shown.err
    assert main(["explain", "gpt-5", "--socket", "/nowhere/a.sock"]) == exit_codes.CONFIG
