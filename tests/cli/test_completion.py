"""``completion``: scripts that their shells accept, with every command and option."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from daemon.cli import COMMANDS, exit_codes, main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == exit_codes.OK
    return capsys.readouterr().out


def completed(script: str, *words: str) -> set[str]:
    """What bash offers for the last of ``words``."""
    array = " ".join(f"'{word}'" for word in words)
    ask = f"{script}\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _tppcd; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    answer = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is missing")
    text = script("bash", capsys)
    assert completed(text, "tppcd", "") == {*COMMANDS, "--help", "--version"}
    assert completed(text, "tppcd", "che") == {"check"}
    assert completed(text, "tppcd", "check", "--fo") == {"--format"}
    assert completed(text, "tppcd", "check", "--format", "") == {"text", "json", "github"}
    assert {"claude", "codex"} <= completed(text, "tppcd", "client", "")
    assert completed(text, "tppcd", "init", "deep") == {"deepseek"}
    assert {"--key", "--base-url", "--print"} <= completed(text, "tppcd", "init", "--")
    assert completed(text, "tppcd", "init", "--wire-api", "m") == {"messages"}
    assert completed(text, "tppcd", "status", "--j") == {"--json"}
    assert completed(text, "tppcd", "help", "expl") == {"explain"}
    assert completed(text, "tppcd", "init", "--name", "") == set(), "any text: files are offered by -o default"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_have_every_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    text = script(shell, capsys)
    assert all(name in text for name in COMMANDS)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)
