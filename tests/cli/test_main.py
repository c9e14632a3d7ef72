"""The command line as a whole: the table of commands, the default one, exit codes, what is imported."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from daemon import __version__, cli
from daemon.cli import COMMANDS, exit_codes, main, module_of


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tppcd {__version__}\n"
    for arguments in (["--version", "--json"], ["--json", "-V"]):
        assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out) == {"version": __version__}


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["check", "--bogus"],
        ["diff", "one"],
        ["check", "--format", "xml"],
        ["--port", "70000"],
        ["run", "--port", "-1"],
        ["simulate", "--port", "x"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == exit_codes.USAGE


OPTIONS_FIRST = [
    (["--json", "status"], ["status", "--json"]),
    (["--socket", "/s", "status", "--json"], ["status", "--socket", "/s", "--json"]),
    (["--config", "x.yaml", "check"], ["check", "--config", "x.yaml"]),
    (["--config=x.yaml", "doctor"], ["doctor", "--config=x.yaml"]),
    (["--config", "check"], ["run", "--config", "check"]),
    (["--config", "check", "check"], ["check", "--config", "check"]),
    (["--log-level", "debug", "run"], ["run", "--log-level", "debug"]),
    (["--help", "check"], ["check", "--help"]),
    (["--port", "0", "--help"], ["run", "--port", "0", "--help"]),
]


@pytest.mark.parametrize(("arguments", "ran"), OPTIONS_FIRST)
def test_options_may_stand_before_the_command(
    arguments: list[str], ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word after an option that takes a value is that value, also where it is the name of a command."""
    asked: list[list[str]] = []

    def run(_: str, given: list[str]) -> int:
        asked.append(given)
        return 0

    monkeypatch.setattr(cli, "_run", run)
    assert main(arguments) == 0
    assert asked == [ran]


@pytest.mark.parametrize("arguments", [[], ["--port", "0"], ["run", "--port", "0"]])
def test_the_default_command_is_run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def run(name: str, given: list[str]) -> int:
        asked.append((name, given))
        return 0

    monkeypatch.setattr(cli, "_run", run)
    assert main(arguments) == 0
    assert asked == [("run", ["run", *[each for each in arguments if each != "run"]])]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"daemon.cli.{module_of(name)}")
    assert callable(module.run)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"tppcd {name}" in capsys.readouterr().out


def test_check_loads_no_server_code() -> None:
    code = (
        "import sys; from daemon.cli import main; main(['check', '-'])\n"
        "print(sorted({'starlette', 'uvicorn', 'aiohttp', 'asyncio', 'httpx', 'watchfiles'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input="{}", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("[]", "['asyncio']"), "loguru brings asyncio"


def test_a_reader_that_leaves_is_no_traceback() -> None:
    command = f"{sys.executable} -m daemon schema | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
