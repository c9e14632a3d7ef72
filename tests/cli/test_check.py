"""``tppcd check``: exit codes, the three formats, stdin, and no secret in any of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from tests.harness import ROOT

BAD = """tppc:
  providers:
    - name: fox
      enabled: true
      base-url: ftp://planted.example
      api-key: sk-planted
      weigth: 1
"""
ERROR = "providers[0].base-url must be a valid http(s) URL"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private file of one error and one warning, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("TPPCD_CONFIG", "PACKYCODE_API_KEY", "PACKYCODE_BASE_URL", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config.yaml"
    path.touch(0o600)
    path.write_text(BAD)
    return path


def test_text(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == exit_codes.CONFIG
    assert capsys.readouterr().out.splitlines() == [
        f"config.yaml:5:17: error: tppc.providers[0].base-url: {ERROR} (it must begin with http:// or https://)",
        "config.yaml:7:7: warning: tppc.providers[0].weigth: unknown key (did you mean `weight`?)",
        "config.yaml: not valid (1 error, 1 warning)",
    ]


def test_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path), "--format", "json"]) == exit_codes.CONFIG
    report = json.loads(capsys.readouterr().out)
    assert report["valid"] is False
    assert report["diagnostics"][0] == {
        "severity": "error",
        "code": "url",
        "message": ERROR,
        "path": "tppc.providers[0].base-url",
        "source": str(path),
        "line": 5,
        "column": 17,
        "hint": "it must begin with http:// or https://",
    }


def test_github(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "github"]) == exit_codes.CONFIG
    assert capsys.readouterr().out.splitlines() == [
        f"::error file=config.yaml,title=tppc.providers[0].base-url,line=5,col=17::{ERROR} "
        "(it must begin with http:// or https://)",
        "::warning file=config.yaml,title=tppc.providers[0].weigth,line=7,col=7::unknown key (did you mean `weight`?)",
    ]


def test_stdin(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"prot: 1\n")))
    assert main(["check", "-"]) == exit_codes.OK
    assert capsys.readouterr().out.splitlines() == [
        "<stdin>:1:1: warning: prot: unknown key (did you mean `port`?)",
        "<stdin>: valid (1 warning)",
    ]


def test_the_environment_names_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TPPCD_CONFIG", "elsewhere.yaml")
    assert main(["check"]) == exit_codes.CONFIG
    assert "elsewhere.yaml: error: elsewhere.yaml does not exist" in capsys.readouterr().out


def test_a_literal_key_that_others_can_read_is_warned_of(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.chmod(0o644)
    path.write_text(BAD.replace("ftp:", "https:").replace("weigth", "weight"))
    assert main(["check"]) == exit_codes.OK
    out = capsys.readouterr().out
    assert "config.yaml:6:16: warning: tppc.providers[0].api-key: others can read this file (mode 0644)" in out
    assert "planted" not in out


def test_file_references_are_relative_to_the_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "fox.key").write_text("sk-planted\n")
    path.write_text("api-keys: ['file:fox.key']\n")
    assert main(["check", str(path)]) == exit_codes.OK


@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("text", [BAD, BAD.replace("weigth: 1", "weight: x"), "tppc: ["])
def test_run_reports_what_check_reports(path: Path, capsys: pytest.CaptureFixture[str], text: str, mode: int) -> None:
    """One check serves both: for example that others can read a file of literal keys, also where it is not valid."""
    path.write_text(text)
    path.chmod(mode)
    assert main(["check"]) == exit_codes.CONFIG
    *reported, _ = capsys.readouterr().out.splitlines()
    environ = os.environ | {"PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(path.parent / "state")}
    run = [sys.executable, "-m", "daemon", "run", "--config", "config.yaml", "--port", "0"]
    found = subprocess.run(run, env=environ, capture_output=True, text=True, timeout=60)
    assert found.returncode == exit_codes.CONFIG
    assert found.stderr.splitlines()[-len(reported) :] == reported
    assert sum(": error: " in line or ": warning: " in line for line in found.stderr.splitlines()) == len(reported)
