"""``tppcd status``: generation, last reload, providers, core auths of the running daemon."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_format, add_socket
from daemon.cli.exit_codes import FAILURE, OK
from daemon.cli.reload import diagnostic_line
from daemon.config.packycode import source_words
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, find_admin_socket, items
from daemon.telemetry.local_time import as_line_time

PATHS = ("/healthz", "/v0/management/auths", "/v0/management/packycode", "/v0/management/providers")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "status",
        help=COMMANDS["status"],
        description="Generation, last reload and its result, providers, core auths with state and reason.",
    )
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 whenever a daemon answers, degraded or not; 1 when none does."""
    client = AdminClient(find_admin_socket(os.environ, arguments.socket))
    try:
        responses = [client.request("GET", path) for path in PATHS]
    except DaemonUnreachable as error:
        print(f"tppcd status: {error}", file=sys.stderr)
        return FAILURE
    health, auths, packycode, providers = (body if status == 200 else {} for status, body in responses)
    core_auths = [item for item in items(auths, "auths") if isinstance(item, Mapping)]
    disabled = [
        item for item in items(providers, "providers") if isinstance(item, Mapping) and item.get("enabled") is False
    ]
    if arguments.format == "json":
        shown = {"health": health, "auths": core_auths, "packycode": packycode, "disabled": disabled}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print("\n".join((*_daemon(health), *_source(packycode), *_auths(core_auths), *_disabled(disabled))))
    return OK


def _daemon(health: Json) -> Iterator[str]:
    yield f"tppcd {health.get('version', '?')}: {health.get('status', '?')}, up {_duration(health.get('uptime'))}"
    yield f"generation {health.get('generation', 0)}, revision {str(health.get('revision', ''))[:12] or 'none'}"
    last = health.get("last-reload")
    if not isinstance(last, Mapping):
        return
    verdict = "applied" if last.get("ok") else "refused"
    yield f"last reload: {verdict} at {as_line_time(last.get('at', '?'))} ({last.get('reason', '?')})"
    yield from (f"  {diagnostic_line(item)}" for item in items(last, "diagnostics"))


def _source(packycode: Json) -> Iterator[str]:
    block = packycode.get("packycode")
    if isinstance(block, Mapping) and block.get("enabled"):
        sources = block.get("effective-sources")
        yield f"packycode settings from: {source_words(sources if isinstance(sources, Mapping) else {})}"


def _auths(auths: list[Json]) -> Iterator[str]:
    names = dict.fromkeys(str(auth.get("name", "")) for auth in auths)
    yield f"providers: {len(names)}" + (f" ({', '.join(names)})" if names else "")
    yield f"core auths: {len(auths)}"
    for auth in auths:
        yield "  " + "  ".join(part for part in _auth(auth) if part)


def _disabled(providers: list[Json]) -> Iterator[str]:
    """None of them serves; they are only listed, so that nobody misses one."""
    if providers:
        yield f"disabled providers: {len(providers)}"
    for each in providers:
        yield f"  disabled  {each.get('name', '?')}  {each.get('source', '')}  {each.get('base-url', '')}".rstrip()


def _auth(auth: Json) -> Iterator[str]:
    yield f"{auth.get('state', '?'):<8}"
    yield str(auth.get("id", ""))
    yield f"key {auth['key']}" if auth.get("key") else ""
    yield str(auth.get("base-url", ""))
    yield f"{len(items(auth, 'models'))} models"
    yield f"no list from the upstream: {auth['models-problem']}" if auth.get("models-problem") else ""
    yield _verified(auth)
    yield f"profile {auth['profile']}" if auth.get("profile") else ""
    yield f"{learned} amendments learned" if (learned := len(items(auth, "amendments"))) else ""
    yield from _load(auth)
    yield f"until {as_line_time(auth['until'])}" if auth.get("until") else ""
    yield str(auth.get("reason") or "")
    yield f"last error: {auth['last-error']}{_ago(auth.get('last-error-at'))}" if auth.get("last-error") else ""


def _load(auth: Json) -> Iterator[str]:
    """What it carries, and what is left of its limits and of the money."""
    load, balance = auth.get("load"), auth.get("balance")
    if isinstance(load, Mapping):
        limit = f" of {load['limit']}" if load.get("limit") is not None else ""
        yield f"{load.get('running', 0)}{limit} running" if load.get("running") or limit else ""
        yield f"{load['waiting']} waiting" if load.get("waiting") else ""
        yield f"headroom {100 * load['headroom']:.0f} %" if isinstance(load.get("headroom"), int | float) else ""
    if isinstance(balance, Mapping):
        amount, problem = balance.get("amount"), balance.get("problem")
        yield f"balance {amount:.10g}{_ago(balance.get('at'))}" if isinstance(amount, int | float) else ""
        yield f"no {'newer ' if amount is not None else ''}balance: {problem}" if problem else ""


def _verified(auth: Json) -> str:
    """``key verified: yes 12 s ago``; nothing of a core auth that has none to ask about."""
    if not auth.get("verified-at"):
        return f"key verified: {auth['verified']}" if auth.get("verified") else ""
    return f"key verified: {auth.get('verified')}{_ago(auth['verified-at'])}"


def _ago(at: object) -> str:
    """`` 12 s ago``; a clock that was set back shows none."""
    try:
        seconds = time.time() - datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return ""
    if seconds < 0:
        return ""
    return f" {seconds:.0f} s ago" if seconds < 120 else f" {_duration(seconds)} ago"


def _duration(seconds: object) -> str:
    """``2d 03:04:05``."""
    whole = int(seconds) if isinstance(seconds, int | float) else 0
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}d {clock}" if days else clock
