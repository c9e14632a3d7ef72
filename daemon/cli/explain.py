"""``tppcd explain MODEL``: the route decision with its reasons, from the file. The running daemon alone knows who rests
now, and what upstreams list: it is asked for both, if there is one.

The decision is one JSON object either way, with the fields of ``POST /v0/management/explain``; the file adds where each
target is. Both the page and ``--json`` show that object.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping

from daemon.cli import COMMANDS, exit_codes, parser_of
from daemon.cli.arguments import Subparsers, add_config, add_format, add_socket
from daemon.cli.config_file import default_path, print_diagnostics, read
from daemon.cli.output import failed, not_valid, print_json
from daemon.cli.terminal import Terminal, padded, table, terminal
from daemon.config.urls import shown
from daemon.router.passed_over import PassedOver, grouped, passed_over
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items
from daemon.snapshot.listings import Candidate
from daemon.snapshot.model_unknown import too_long
from daemon.snapshot.models import ModelUnknown, Resolution
from daemon.snapshot.snapshot import Snapshot

RULES = {
    "provider-prefix": "the name asks for this provider",
    "exact": "a registered name",
    "effort-suffix": "registered as {matched}, with an effort suffix",
    "alias": "model-aliases has {matched}",
    "discovered": "upstreams list {matched}",
}

ENTRIES = ("messages", "chat", "responses")
ROUTE = "/v0/management/explain"
MOST_NAMED = 20
"""Providers that a line names."""
PATIENCE = 5.0
"""Seconds for the daemon."""
LABEL = 10
"""Columns of what stands left in the first lines."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "explain",
        help=COMMANDS["explain"],
        description="Asks the running daemon, if there is one, who rests now and what upstreams list. Exits 1 if no "
        "provider serves the model.",
    )
    parser.add_argument("name", metavar="MODEL", nargs="?", help="the name as a client sends it")
    parser.add_argument("--model", help="the same, as an option")
    parser.add_argument(
        "--entry", choices=ENTRIES, default="messages", help="the API that the client uses (default: %(default)s)"
    )
    add_config(parser)
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    model = arguments.model or arguments.name
    if not model or (arguments.model and arguments.name):
        parser_of("explain").error("name one model" if model else "name a model, e.g. tppcd explain claude-sonnet-5")
    checked = read(arguments.config or default_path(os.environ))
    if refusal := too_long(model):
        return failed(str(refusal), arguments.format)
    live = _ask_daemon(arguments.socket, model, arguments.entry)
    served = bool(items(live, "targets"))
    decision: Json = {**live, "from": "daemon"}
    if checked.snapshot is None and (arguments.config or not served):
        return not_valid(checked.diagnostics, arguments.format)
    if checked.snapshot is None:
        print_diagnostics(checked)  # in this shell; the daemon may have the variable that is missing here
    else:
        try:
            resolution = checked.snapshot.models.resolve(model)
            decision = decided(checked.snapshot, model, arguments.entry, resolution, resting_now(live))
        except ModelUnknown as unknown:
            if not served:
                return failed(str(unknown), arguments.format)
    if arguments.format == "json":
        print_json(decision)
    else:
        print("\n".join(page(decision, terminal(sys.stdout, os.environ))))
    return exit_codes.OK


def _ask_daemon(socket: str | None, model: str, entry: str) -> Json:
    """The decision of the running daemon; empty where none runs, or it does not serve the model."""
    try:
        client = AdminClient(find_admin_socket(os.environ, socket), PATIENCE)
        status, body = client.request("POST", ROUTE, {"model": model, "entry": entry})
    except DaemonUnreachable:
        return {}
    return body if status == 200 else {}


def resting_now(decision: Json) -> Mapping[str, str]:
    """Core auth ID -> why it is not asked now, as the daemon's ``decision`` has it."""
    return {str(each.get("auth")): str(each["not-now"]) for each in _rows(decision, "targets") if each.get("not-now")}


def decided(
    snapshot: Snapshot, model: str, entry: str, resolution: Resolution, resting: Mapping[str, str]
) -> dict[str, object]:
    """The decision by the file, higher priorities first. ``resting``: ``resting_now``."""
    candidates = sorted(resolution.candidates, key=lambda each: -each.auth.priority)
    others = passed_over(snapshot, model, resolution)
    return {
        "model": model,
        "entry": entry,
        "from": "config.yaml",
        "rule": resolution.rule,
        "matched": resolution.matched,
        "effort": resolution.effort,
        "strategy": snapshot.config.routing.strategy,
        "targets": [_target(each, entry, resting) for each in candidates],
        "others": [{"provider": each.provider, "reason": each.reason} for each in others],
    }


def _target(candidate: Candidate, entry: str, resting: Mapping[str, str]) -> dict[str, object]:
    auth = candidate.auth
    return {
        "auth": auth.id,
        "provider": auth.label,
        "model": candidate.model,
        "wire-api": auth.wire,
        "translated": auth.wire != entry,
        "priority": auth.priority,
        "not-now": resting.get(auth.id),
        "source": auth.source,
        "base-url": shown(auth.base_url),
        "profile": auth.profile or None,
        "profile-reason": auth.profile_reason or None,
    }


def page(decision: Json, shown_on: Terminal) -> Iterator[str]:
    """The decision for people: what was asked for, who is asked, and why the others are not."""
    rule = RULES.get(str(decision.get("rule")), str(decision.get("rule"))).format(matched=decision.get("matched"))
    effort = f", effort {decision['effort']}" if decision.get("effort") else ""
    source = "" if decision.get("from") == "config.yaml" else ", as the running daemon decides"
    for label, text in (
        ("model", f"{decision.get('model')} (entry {decision.get('entry')}){source}"),
        ("rule", f"{rule}{effort}"),
        ("strategy", f"{decision.get('strategy')}, among the highest priority that is ready"),
    ):
        yield from _labelled(label, text, shown_on)
    yield shown_on.paint("bold", "asked, in this order:")
    yield from _targets(_rows(decision, "targets"), shown_on)
    others = [PassedOver(str(each.get("provider")), str(each.get("reason"))) for each in _rows(decision, "others")]
    if others:
        yield shown_on.paint("bold", "not asked:")
        for line in grouped(others, at_most=MOST_NAMED):
            yield from shown_on.wrapped(str(line), "  ")


def _labelled(label: str, text: str, shown_on: Terminal) -> Iterator[str]:
    first, *more = shown_on.wrapped(text, " " * LABEL)
    yield shown_on.paint("dim", padded(label, LABEL)) + first[LABEL:]
    yield from more


def _targets(targets: list[Json], shown_on: Terminal) -> Iterator[str]:
    """For each a line, and below it what is longer: where it is, and why it is not asked now."""
    rows = [
        (
            f"{number}.",
            str(each.get("provider")),
            str(each.get("model")),
            f"translated to {each.get('wire-api')}" if each.get("translated") else "passed through",
            f"priority {each.get('priority')}",
        )
        for number, each in enumerate(targets, 1)
    ]
    for each, (number, provider, *cells) in zip(targets, table(rows), strict=True):
        resting = str(each.get("not-now") or "")
        yield "  " + number + shown_on.paint("dim" if resting else "cyan", provider) + "".join(cells)
        profile = f"profile {each['profile']} ({each.get('profile-reason')})" if each.get("profile") else ""
        where = "  ".join(filter(None, (str(each.get("base-url") or ""), str(each.get("source") or ""), profile)))
        if where:
            yield from (shown_on.paint("dim", line) for line in shown_on.wrapped(where, "      "))
        if resting:
            yield from (shown_on.state("cooling", line) for line in shown_on.wrapped(f"not now: {resting}", "      "))


def _rows(body: Json, name: str) -> list[Json]:
    return [each for each in items(body, name) if isinstance(each, Mapping)]
