"""``tppcd check [PATH|-]``: every problem of a config.yaml at once, for people, scripts and GitHub."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from daemon.cli import COMMANDS, exit_codes, parser_of
from daemon.cli.arguments import Subparsers, add_config, add_format
from daemon.cli.config_file import STDIN, default_path, read
from daemon.cli.output import diagnostic_json
from daemon.cli.terminal import Terminal, terminal

if TYPE_CHECKING:
    from daemon.config.diagnostics import Diagnostic
    from daemon.reload.check import CheckResult


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "check",
        help=COMMANDS["check"],
        description="Nothing is changed, and no upstream is asked. Exits 78 if there is an error, 0 if there are only "
        "warnings.",
    )
    parser.add_argument("path", nargs="?", help=f"default: $TPPCD_CONFIG or config.yaml; {STDIN} reads stdin")
    add_config(parser)
    add_format(parser, "github")


def run(arguments: argparse.Namespace) -> int:
    if arguments.path and arguments.config:
        parser_of("check").error("name one file")
    checked = read(arguments.path or arguments.config or default_path(os.environ))
    print(FORMATS[arguments.format](checked))
    return exit_codes.CONFIG if checked.errors else exit_codes.OK


def _text(checked: CheckResult) -> str:
    shown = terminal(sys.stdout, os.environ)
    warnings = len(checked.diagnostics) - checked.errors
    counts = [_count(checked.errors, "error")] if checked.errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    verdict = shown.state("not valid" if checked.errors else "valid")
    summary = f" ({', '.join(counts)})" if counts else ""
    lines = (_line(each, shown) for each in checked.diagnostics)
    return "\n".join((*lines, f"{checked.source}: {verdict}{summary}"))


def _line(diagnostic: Diagnostic, shown: Terminal) -> str:
    severity = diagnostic.severity
    return str(diagnostic).replace(f": {severity}: ", f": {shown.state(severity)}: ", 1)


def _json(checked: CheckResult) -> str:
    document = {
        "valid": not checked.errors,
        "source": checked.source,
        "errors": checked.errors,
        "warnings": len(checked.diagnostics) - checked.errors,
        "diagnostics": [diagnostic_json(each) for each in checked.diagnostics],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _github(checked: CheckResult) -> str:
    """Workflow commands, which GitHub shows beside the line."""
    return "\n".join(_annotation(each) for each in checked.diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    properties = {"file": diagnostic.source, "title": diagnostic.dotted or diagnostic.code}
    if diagnostic.line:
        properties |= {"line": str(diagnostic.line), "col": str(diagnostic.column)}
    written = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return f"::{diagnostic.severity} {written}::{_escaped(diagnostic.message + hint)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


FORMATS: dict[str, Callable[[CheckResult], str]] = {"text": _text, "json": _json, "github": _github}
