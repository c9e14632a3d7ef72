"""The page of ``tppcd status``: the daemon, its last reload, then each core auth and each provider without one.

A core auth is a line with its state, and below it, indented, what else there is to say. Pure: ``now`` in Unix seconds.
The daemon may be older or newer than the command, so any field may be missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from daemon.cli.clock import ago, ahead, duration
from daemon.cli.reload import diagnostic_line
from daemon.cli.terminal import Terminal, padded, table
from daemon.config.packycode import source_words
from daemon.service.admin import Json, items
from daemon.telemetry.local_time import as_line_time

LABEL: Final = 13
"""Columns of what stands left in the first lines."""
INDENT: Final = " " * 12
STATES: Final = ("ready", "cooling", "failed", "disabled")


def page(state: Json, shown: Terminal, now: float) -> Iterator[str]:
    """``state`` is what ``--json`` prints."""
    health, daemon = _mapping(state, "health"), _mapping(state, "daemon")
    verdict = shown.state(str(health.get("status", "?")))
    process = f", pid {daemon['pid']} as {daemon.get('user', '?')}" if daemon.get("pid") else ""
    name = shown.paint("bold", f"tppcd {health.get('version', '?')}")
    yield f"{name}: {verdict}, up {duration(health.get('uptime'))}{process}"
    for label, text in (*_daemon(daemon), *_health(health), *_source(_mapping(state, "packycode"))):
        yield shown.paint("dim", padded(label, LABEL)) + text
    yield from _last_reload(health, shown, now)
    yield from _providers(_rows(state, "auths"), _rows(state, "disabled"), shown, now)


def _daemon(daemon: Json) -> Iterator[tuple[str, str]]:
    if daemon.get("config"):
        yield "config", str(daemon["config"])
    if listening := items(daemon, "listening"):
        yield "listening", ", ".join(map(str, listening))
    flight = _mapping(daemon, "in-flight")
    if flight:
        waiting = f", {flight['waiting']} waiting" if flight.get("waiting") else ""
        yield "requests", f"{flight.get('running', 0)} running{waiting}"
    if "models" in daemon:
        yield "models", str(daemon["models"])
    if daemon.get("dropped-log-lines"):
        yield "log", f"{daemon['dropped-log-lines']} lines lost"


def _health(health: Json) -> Iterator[tuple[str, str]]:
    yield "generation", f"{health.get('generation', 0)}, revision {str(health.get('revision', ''))[:12] or 'none'}"
    if health.get("draining"):
        yield "stopping", "no new connections, running requests are finished"


def _source(packycode: Json) -> Iterator[tuple[str, str]]:
    block = _mapping(packycode, "packycode")
    if block.get("enabled"):
        sources = {field: str(source) for field, source in _mapping(block, "effective-sources").items()}
        yield "packycode", f"settings from: {source_words(sources)}"


def _last_reload(health: Json, shown: Terminal, now: float) -> Iterator[str]:
    last = health.get("last-reload")
    if not isinstance(last, Mapping):
        return
    verdict = shown.state("ok", "applied")
    if not last.get("ok"):
        part = last.get("refused") is False
        verdict = shown.state("warn", "applied in part") if part else shown.state("failed", "refused")
    at = last.get("at", "?")
    when = f"at {as_line_time(at)}{ago(at, now)}"
    yield shown.paint("dim", padded("last reload", LABEL)) + f"{verdict} {when} ({last.get('reason', '?')})"
    for each in items(last, "diagnostics"):
        severity = str(each.get("severity", "error")) if isinstance(each, Mapping) else "error"
        yield from (shown.state(severity, line) for line in shown.wrapped(diagnostic_line(each), "  "))


def _providers(auths: list[Json], disabled: list[Json], shown: Terminal, now: float) -> Iterator[str]:
    """Those without a core auth are listed too, so that nobody misses one."""
    counts = Counter(str(each.get("state", "?")) for each in auths) + Counter(["disabled"] * len(disabled))
    names = {str(each.get("name", "")) for each in (*auths, *disabled)}
    listed = [f"{counts[state]} {state}" for state in dict.fromkeys((*STATES, *counts)) if counts[state]]
    keys = len(auths) + len(disabled) > len(names)
    yield shown.paint("bold", f"providers: {len(names)}") + (
        f" ({', '.join(listed)}{', by key' if keys else ''})" if listed else ""
    )
    if not names:
        yield "  none: fill in packycode or tppc.providers in config.yaml, or: tppcd provider add"
        return
    heads = [*(_head(each) for each in auths), *(_disabled(each) for each in disabled)]
    details = [*(tuple(_details(each, now)) for each in auths), *(() for _ in disabled)]
    for (state, *cells), more in zip(table(heads), details, strict=True):
        yield "  " + shown.state(state.strip(), state) + "".join(cells)
        for part in more:
            for line in shown.wrapped(part, INDENT):
                yield shown.state(state.strip(), line) if part in more[1:] and state.strip() != "ready" else line


def _head(auth: Json) -> tuple[str, ...]:
    key = f" (key {auth['key']})" if auth.get("key") else ""
    models = len(items(auth, "models"))
    return (
        str(auth.get("state", "?")).ljust(8),
        f"{auth.get('name', '?')}{key}",
        f"{models} {'model' if models == 1 else 'models'}",
        str(auth.get("base-url", "")),
    )


def _disabled(provider: Json) -> tuple[str, ...]:
    return "disabled", str(provider.get("name", "?")), "", str(provider.get("base-url") or "")


def _details(auth: Json, now: float) -> Iterator[str]:
    """First what it is and carries, then why it is in its state."""
    facts = (str(auth.get("id", "")), _verified(auth, now), *_facts(auth), *_load(auth, now))
    yield "  ".join(part for part in facts if part)
    until = f"until {as_line_time(auth['until'])}{ahead(auth['until'], now)}" if auth.get("until") else ""
    reason = ": ".join(part for part in (until, str(auth.get("reason") or "")) if part)
    if reason:
        yield reason
    if auth.get("models-problem"):
        yield f"no list from the upstream: {auth['models-problem']}"
    if auth.get("last-error"):
        yield f"last error: {auth['last-error']}{ago(auth.get('last-error-at'), now)}"


def _facts(auth: Json) -> Iterator[str]:
    yield f"profile {auth['profile']}" if auth.get("profile") else ""
    learned = len(items(auth, "amendments"))
    yield f"{learned} {'amendment' if learned == 1 else 'amendments'} learned" if learned else ""


def _load(auth: Json, now: float) -> Iterator[str]:
    """What it carries, and what is left of its limits and of the money."""
    load, balance = auth.get("load"), auth.get("balance")
    if isinstance(load, Mapping):
        limit = f" of {load['limit']}" if load.get("limit") is not None else ""
        yield f"{load.get('running', 0)}{limit} running" if load.get("running") or limit else ""
        yield f"{load['waiting']} waiting" if load.get("waiting") else ""
        yield f"headroom {100 * load['headroom']:.0f} %" if isinstance(load.get("headroom"), int | float) else ""
    if isinstance(balance, Mapping):
        amount, problem = balance.get("amount"), balance.get("problem")
        yield f"balance {amount:.10g}{ago(balance.get('at'), now)}" if isinstance(amount, int | float) else ""
        yield f"no {'newer ' if amount is not None else ''}balance: {problem}" if problem else ""


def _verified(auth: Json, now: float) -> str:
    """``key verified: yes 12 s ago``; nothing of a core auth that has none to ask about."""
    if not auth.get("verified-at"):
        return f"key verified: {auth['verified']}" if auth.get("verified") else ""
    return f"key verified: {auth.get('verified')}{ago(auth['verified-at'], now)}"


def _mapping(body: Json, name: str) -> Json:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _rows(body: Json, name: str) -> list[Json]:
    return [each for each in items(body, name) if isinstance(each, Mapping)]
