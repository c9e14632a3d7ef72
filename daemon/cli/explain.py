"""``tppcd explain --model M``: the route decision with its reasons, from the file. The running daemon alone knows who
rests now, and what upstreams list: it is asked for both, if there is one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers, add_config
from daemon.cli.config_file import default_path, print_diagnostics, read
from daemon.config.urls import shown
from daemon.router.passed_over import PassedOver, grouped, passed_over
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items
from daemon.snapshot.listings import Candidate
from daemon.snapshot.model_unknown import too_long
from daemon.snapshot.models import ModelUnknown, Resolution

RULES = {
    "provider-prefix": "the name asks for this provider",
    "exact": "a registered name",
    "effort-suffix": "registered as {matched}, with an effort suffix",
    "alias": "model-aliases has {matched}",
    "discovered": "upstreams list {matched}",
}


ROUTE = "/v0/management/explain"
MOST_NAMED = 20
"""Providers that a line names."""
PATIENCE = 5.0
"""Seconds for the daemon."""


ABOUT = "Asks the running daemon who rests now and what upstreams list. Exits 1 if no provider serves the model."


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("explain", help=COMMANDS["explain"], description=ABOUT)
    parser.add_argument("--model", required=True, help="the name as a client sends it")
    parser.add_argument("--entry", choices=("messages", "chat", "responses"), default="messages")
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    checked = read(arguments.config or default_path(os.environ))
    if checked.snapshot is None:
        print_diagnostics(checked)
        return exit_codes.CONFIG
    if refusal := too_long(arguments.model):
        print(refusal, file=sys.stderr)
        return exit_codes.FAILURE
    try:
        resolution = checked.snapshot.models.resolve(arguments.model)
    except ModelUnknown as unknown:
        live = decision_of_daemon(arguments.model, arguments.entry)
        if live:
            print("\n".join(live))
            return exit_codes.OK
        print(unknown, file=sys.stderr)
        return exit_codes.FAILURE
    others = passed_over(checked.snapshot, arguments.model, resolution)
    resting = resting_now(_ask_daemon(arguments.model, arguments.entry))
    strategy = checked.snapshot.config.routing.strategy
    for line in (*explained(arguments.model, arguments.entry, resolution, strategy, resting), *not_asked(others)):
        print(line)
    return exit_codes.OK


def decision_of_daemon(model: str, entry: str) -> tuple[str, ...]:
    """The decision of the running daemon, which alone knows what upstreams list; empty where none runs, or it does not
    serve the model either."""
    body = _ask_daemon(model, entry)
    targets = [each for each in items(body, "targets") if isinstance(each, Mapping)]
    others = [each for each in items(body, "others") if isinstance(each, Mapping)]
    if not targets:
        return ()
    rule = RULES.get(str(body.get("rule")), str(body.get("rule"))).format(matched=body.get("matched"))
    effort = f", effort {body['effort']}" if body.get("effort") else ""
    return (
        f"model: {model} (entry {entry}), as the running daemon has it; config.yaml alone does not name it",
        f"rule: {rule}{effort}",
        *(
            f"  {number}. {each.get('provider')}: {each.get('model')}{_not_now(str(each.get('not-now') or ''))}"
            for number, each in enumerate(targets, 1)
        ),
        *not_asked([PassedOver(str(each.get("provider")), str(each.get("reason"))) for each in others]),
    )


def _ask_daemon(model: str, entry: str) -> Json:
    """The decision of the running daemon; empty where none runs, or it does not serve the model."""
    try:
        client = AdminClient(find_admin_socket(os.environ), PATIENCE)
        status, body = client.request("POST", ROUTE, {"model": model, "entry": entry})
    except DaemonUnreachable:
        return {}
    return body if status == 200 else {}


def resting_now(decision: Json) -> Mapping[str, str]:
    """Core auth ID -> why it is not asked now, as the daemon's ``decision`` has it."""
    targets = [each for each in items(decision, "targets") if isinstance(each, Mapping)]
    return {str(each.get("auth")): str(each["not-now"]) for each in targets if each.get("not-now")}


def explained(
    model: str, entry: str, resolution: Resolution, strategy: str, resting: Mapping[str, str]
) -> tuple[str, ...]:
    """The decision in lines: why, and the providers, higher priorities first. ``resting``: ``resting_now``."""
    effort = f", effort {resolution.effort}" if resolution.effort else ""
    return (
        f"model: {model} (entry {entry})",
        f"rule: {RULES[resolution.rule].format(matched=resolution.matched)}{effort}",
        f"strategy: {strategy}, among the highest priority that is ready",
        *(
            f"  {number}. {_target(each, entry)}{_not_now(resting.get(each.auth.id, ''))}"
            for number, each in enumerate(sorted(resolution.candidates, key=lambda each: -each.auth.priority), 1)
        ),
    )


def not_asked(others: Sequence[PassedOver]) -> tuple[str, ...]:
    """Why the other providers are not: a line for each reason."""
    return ("not asked:", *(f"  {each}" for each in grouped(others, at_most=MOST_NAMED))) if others else ()


def _not_now(reason: str) -> str:
    return f"; not now: {reason}" if reason else ""


def _target(candidate: Candidate, entry: str) -> str:
    auth = candidate.auth
    way = "passed through" if auth.wire == entry else f"translated to {auth.wire}"
    profile = f", profile {auth.profile} ({auth.profile_reason})" if auth.profile else ""
    upstream = f"{auth.name} ({auth.source}): {candidate.model} at {shown(auth.base_url)}"
    return f"{upstream}, {way}, priority {auth.priority}{profile}"
