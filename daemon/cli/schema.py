"""``tppcd schema``: the JSON Schema of config.yaml on stdout."""

from __future__ import annotations

import argparse
import json

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers
from daemon.config.json_schema import json_schema


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "schema",
        help=COMMANDS["schema"],
        description="Editors that know JSON Schema complete and check config.yaml with it: see its first line.",
    )
    parser.add_argument("--json", action="store_true", help="changes nothing: a schema is JSON")


def run(_: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return exit_codes.OK
