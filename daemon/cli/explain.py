"""``tppcd explain --model M``: the route decision with its reasons, from the file alone."""

from __future__ import annotations

import argparse
import os
import sys

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers, add_config
from daemon.cli.config_file import default_path, print_diagnostics, read
from daemon.config.urls import shown
from daemon.router.selection import STRATEGY
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import ModelUnknown, Resolution

RULES = {
    "provider-prefix": "the name asks for this provider",
    "exact": "a registered name",
    "effort-suffix": "registered as {matched}, with an effort suffix",
    "alias": "model-aliases has {matched}",
    "discovered": "upstreams list {matched}",
}


ONLY_RUNNING = "what upstreams list is known to the running daemon alone: POST /v0/management/explain asks it"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("explain", help=COMMANDS["explain"], description="Exits 1 if no provider serves it.")
    parser.add_argument("--model", required=True, help="the name as a client sends it")
    parser.add_argument("--entry", choices=("messages", "chat", "responses"), default="messages")
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    checked = read(arguments.config or default_path(os.environ))
    if checked.snapshot is None:
        print_diagnostics(checked)
        return exit_codes.CONFIG
    try:
        resolution = checked.snapshot.models.resolve(arguments.model)
    except ModelUnknown as unknown:
        print(unknown, file=sys.stderr)
        if any(auth.discover for auth in checked.snapshot.core_auths):
            print(ONLY_RUNNING, file=sys.stderr)
        return exit_codes.FAILURE
    for line in explained(arguments.model, arguments.entry, resolution):
        print(line)
    return exit_codes.OK


def explained(model: str, entry: str, resolution: Resolution) -> tuple[str, ...]:
    """The decision in lines: why, and the providers in the order they are tried."""
    effort = f", effort {resolution.effort}" if resolution.effort else ""
    return (
        f"model: {model} (entry {entry})",
        f"rule: {RULES[resolution.rule].format(matched=resolution.matched)}{effort}",
        f"strategy: {STRATEGY}, among the highest priority that is ready",
        *(f"  {number}. {_target(each, entry)}" for number, each in enumerate(resolution.candidates, 1)),
    )


def _target(candidate: Candidate, entry: str) -> str:
    auth = candidate.auth
    way = "passed through" if auth.wire == entry else f"translated to {auth.wire}"
    profile = f", profile {auth.profile} ({auth.profile_reason})" if auth.profile else ""
    upstream = f"{auth.name} ({auth.source}): {candidate.model} at {shown(auth.base_url)}"
    return f"{upstream}, {way}, priority {auth.priority}{profile}"
