"""``--json``: the documents that docs/reference/cli.md promises, and that failures are documents too."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from daemon.cli import COMMANDS, exit_codes, main, parser_of
from tests.harness import ROOT, Daemon

PAGE = (ROOT / "docs/reference/cli.md").read_text("utf-8")
ROW = re.compile(r"^\| `tppcd ([^`]+)` \| (.+?) \|$", re.M)
ROWS = ROW.findall(PAGE.partition("## JSON")[2].partition("<!-- generated")[0])
NO_FACTS = {"run", "completion", "help"}
"""``run`` has --log-format json."""


def test_every_command_that_prints_facts_has_json() -> None:
    for name in COMMANDS.keys() - NO_FACTS:
        assert "--json" in parser_of(name).option_strings(), name
    assert {row[0].split()[0] for row in ROWS} == (COMMANDS.keys() - NO_FACTS - {"schema"}) | {"--version"}


@pytest.mark.parametrize(("command", "keys"), [row for row in ROWS if not row[0].startswith(("simulate", "events -"))])
def test_the_document_has_the_keys_of_the_page(
    command: str, keys: str, here: Path, world: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    if command.startswith("init"):
        (here / "config.yaml").unlink()
    if command.startswith("provider"):
        add = ("provider", "add", "owl", "--type", "vllm", "--url", "http://127.0.0.1:9", "--skip-check")
        main(list(add))
    capsys.readouterr()
    world.get("/healthz")
    assert main([*shlex.split(command.replace("~", str(world.home))), "--json"]) in (0, 1)
    out = capsys.readouterr().out
    if command.startswith(("events", "logs")):  # a document for each line
        out = out.splitlines()[0]
    document = json.loads(out)
    shown = document[0] if isinstance(document, list) else document
    promised = set(re.findall(r"`([a-z_-]+)`", keys))
    assert promised <= shown.keys() if command == "logs" else promised == shown.keys(), (
        "the page and the command differ"
    )


def test_the_simulator_says_in_json_where_it_is(world: Daemon) -> None:
    from daemon.cli import simulate

    assert simulate.announced("http://127.0.0.1:1", "k", None, as_json=True).count("\n") == 0
    document = json.loads(simulate.announced("http://127.0.0.1:1", "k", None, as_json=True))
    keys = next(keys for command, keys in ROWS if command.startswith("simulate"))
    assert set(re.findall(r"`([a-z_-]+)`", keys)) == document.keys()
    assert document["config"].startswith("tppc:\n")


FAILURES: list[tuple[str, int, str]] = [
    ("status --socket /nowhere/a.sock", exit_codes.FAILURE, "no daemon answers on /nowhere/a.sock"),
    ("reload --socket /nowhere/a.sock", exit_codes.FAILURE, "no daemon answers on /nowhere/a.sock"),
    ("logs --socket /nowhere/a.sock", exit_codes.FAILURE, "no daemon answers on /nowhere/a.sock"),
    ("events --socket /nowhere/a.sock", exit_codes.FAILURE, "no daemon answers on /nowhere/a.sock"),
    ("provider list --socket /nowhere/a.sock", exit_codes.FAILURE, "no daemon answers on /nowhere/a.sock"),
    ("provider show nobody", exit_codes.FAILURE, "nobody"),
    ("explain --model nothing-like-it", exit_codes.FAILURE, "model 'nothing-like-it' is not available"),
    ("explain --model gpt-5 --config bad.yaml", exit_codes.CONFIG, "the configuration is not valid"),
    ("diff config.yaml bad.yaml", exit_codes.CONFIG, "the configuration is not valid"),
    ("store migrate --config bad.yaml", exit_codes.CONFIG, "the configuration is not valid"),
    ("init", exit_codes.FAILURE, "config.yaml exists already; nothing was written"),
    ("init kimi --config x.yaml --key literal", exit_codes.USAGE, "a key on the command line stays in"),
    ("migrate packycode --config bad.yaml", exit_codes.FAILURE, "bad.yaml has no packycode block"),
    ("import codex-cli --provider nobody", exit_codes.FAILURE, "config.toml has no [model_providers.nobody]"),
]


@pytest.mark.parametrize(("command", "code", "message"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_failure_is_one_document_with_the_same_exit_code(
    command: str, code: int, message: str, here: Path, world: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.yaml").write_text("port: x\n")
    assert main(command.split()) == code
    as_text = capsys.readouterr()
    assert as_text.out == "" and as_text.err
    assert main([*command.split(), "--json"]) == code
    as_json = capsys.readouterr()
    assert as_json.err == as_text.err, "people read the same either way"
    error = json.loads(as_json.out)["error"]
    assert message in error["message"]
    if code == exit_codes.CONFIG:
        assert error["diagnostics"][0]["line"] == 1
