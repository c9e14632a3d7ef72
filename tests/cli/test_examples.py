"""Every example in a command's help, and so on docs/reference/cli.md, works as it stands."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import COMMANDS, main, parser_of
from daemon.cli.examples import EXAMPLES
from tests.cli.conftest import ENVIRONMENT
from tests.harness import ROOT, Daemon, Running, environment

LASTING = {"tppcd", "tppcd run", "tppcd simulate", "tppcd events --follow", "tppcd logs --follow"}
"""What runs until it is stopped, by how it begins or as a whole."""
ALL = [(command, example) for command, rows in EXAMPLES.items() for example, _ in rows]
STARTING = [row for row in ALL if row[0] in ("run", "simulate") or row[1] in LASTING]
SHELL = [row for row in ALL if set("<>|$") & set(row[1])]
PLAIN = [row for row in ALL if row not in STARTING and row not in SHELL]


def arguments_of(example: str, world: Daemon) -> list[str]:
    """The words that the shell passes on; the system's service is ours here."""
    socket = str(world.home / "run" / "admin.sock")
    words = shlex.split(example.removeprefix("sudo ").replace("/run/tppcd/admin.sock", socket))
    assert words[0] == "tppcd"
    return [word.replace("~", str(world.home), 1) if word.startswith("~/") else word for word in words[1:]]


def test_every_command_has_examples_and_a_description() -> None:
    assert EXAMPLES.keys() == {"tppcd", *COMMANDS}
    for name in COMMANDS:
        parser = parser_of(name)
        assert parser.description and parser.description.endswith((".", '".')), name
        assert all(action.help for action in parser._actions), name
        assert 1 <= len(EXAMPLES[name]) <= 3
        assert all(example in parser.format_help() for example, _ in EXAMPLES[name])


@pytest.mark.parametrize(("command", "example"), PLAIN, ids=[example for _, example in PLAIN])
def test_an_example_works(command: str, example: str, here: Path, world: Daemon) -> None:
    arguments = arguments_of(example, world)
    if arguments[0] == "init":
        (here / "config.yaml").unlink()
    if arguments[:2] == ["provider", "disable"]:
        assert main([*arguments_of(EXAMPLES["provider"][0][0], world), "--skip-check"]) in (0, 1), "it may be there"
    assert main(arguments) == 0
    assert command in (arguments[0], "tppcd")


@pytest.mark.parametrize("example", [example for _, example in SHELL])
def test_an_example_for_the_shell_works(example: str, here: Path, world: Daemon) -> None:
    """In a real shell, with a real process."""
    if shutil.which("bash") is None:
        pytest.skip("bash is missing")
    path = here / "bin" / "tppcd"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m daemon "$@"\n')
    path.chmod(0o755)
    env = environment(world.home, ENVIRONMENT)
    env |= {"PATH": f"{path.parent}:{env['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-euc", example], cwd=here, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("example", [example for _, example in STARTING])
def test_an_example_that_lasts_works_until_it_is_stopped(example: str, here: Path, world: Daemon) -> None:
    home = here / "own"
    home.mkdir()
    follows = "--follow" in example
    for name in ("state", "run"):
        if follows:
            (home / name).symlink_to(world.home / name)
    shutil.copy(here / "config.yaml", home / "config.yaml")
    arguments = tuple(arguments_of(example, world))
    if "simulate" in arguments:
        arguments = (*arguments, "--port", "0")
    running = Running(arguments, home, ENVIRONMENT)
    try:
        if follows:
            world.post("/v1/messages", {})
            if "events" not in arguments:
                running.wait_log(r"\S")
        else:
            running.wait_log(r"listening on|simulated upstream on")
        assert running.stop(signal.SIGINT) in (0, 130)
        assert "Traceback" not in running.log
    finally:
        running.close()


def test_commands_as_real_processes(here: Path, world: Daemon) -> None:
    """Those that no other test starts as a process."""
    env = environment(world.home, ENVIRONMENT)
    (here / "empty.yaml").touch()
    for arguments in (
        ("init", "deepseek", "--key", "file:~/deepseek.key", "--config", "empty.yaml"),
        ("diff", "config.yaml", "new.yaml"),
        ("client", "codex"),
        ("import", "codex-cli"),
        ("help", "check"),
    ):
        command = [sys.executable, "-m", "daemon", *arguments]
        done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert done.stdout
