"""``completion``: scripts that their shells accept, with every command and option."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

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


FISH = [
    ("che", {"check"}),
    ("init deep", {"deepseek"}),
    ("init --wire-api m", {"messages"}),
    ("check --form", {"--format"}),
    ("provider di", {"disable"}),
    ("completion z", {"zsh"}),
    ("store rek", {"rekey"}),
]


@pytest.mark.parametrize(("typed", "offered"), FISH)
def test_fish_completes(typed: str, offered: set[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In a real fish, by the command that it has for this."""
    if shutil.which("fish") is None:
        pytest.skip("fish is missing")
    text = script("fish", capsys) + f"\ncomplete -C 'tppcd {typed}'\n"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    answer = subprocess.run(["fish", "-N"], input=text, capture_output=True, text=True, check=True, env=environ)
    assert {line.split("\t")[0] for line in answer.stdout.splitlines()} == offered


@pytest.mark.parametrize("way", ["source", "fpath"])
def test_zsh_takes_it_sourced_and_as_a_function_of_fpath(
    way: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In a real zsh: afterwards bash's function is what completes ``tppcd``."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is missing")
    (tmp_path / "_tppcd").write_text(script("zsh", capsys))
    load = "source _tppcd" if way == "source" else "fpath=($PWD $fpath); autoload -Uz _tppcd; _tppcd 2>/dev/null"
    ask = f"autoload -Uz compinit; compinit -u -d dump; {load}; whence -w _tppcd; print $_comps[tppcd]"
    answer = subprocess.run(["zsh", "-f", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[:1] == ["_tppcd: function"], answer.stderr
    assert "_bash_complete" in answer.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_have_every_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    text = script(shell, capsys)
    assert all(name in text for name in COMMANDS)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)
