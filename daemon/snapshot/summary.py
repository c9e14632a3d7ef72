"""The change summary in words: the same lines in the log, the event stream, the audit log and ``tppcd diff``.

No key is ever part of it, not even in part: the texts come redacted from ``diff``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daemon.config.packycode import source_words
from daemon.config.profiles import PROFILES
from daemon.config.provider import KINDS
from daemon.snapshot.diff import Change, ChangeSet
from daemon.snapshot.listings import ModelLists
from daemon.snapshot.snapshot import Snapshot

REVISION_DIGITS = 12
NAMES_AT_MOST = 5
NO_MODELS = ModelLists((), (), ())


def heading(changes: ChangeSet, new: Snapshot, milliseconds: float, source: str = "") -> str:
    """``config reloaded: generation 7 (revision 3fa1…), 3 changes, 4 core auths (+1 ~1 -0), 4.2 ms``; of the first one
    ``config loaded: generation 1 (revision 3fa1…) from /etc/tppcd/config.yaml, 4 core auths, 4.2 ms``, where ``source``
    is what was read."""
    generation = f"generation {new.generation} (revision {new.revision[:REVISION_DIGITS]}…)"
    auths = _count(len(new.core_auths), "core auth")
    if changes.first:
        return f"config loaded: {generation}{f' from {source}' if source else ''}, {auths}, {milliseconds:.1f} ms"
    return (
        f"config reloaded: {generation}, {_count(len(changes.changes), 'change')}, {auths} "
        f"(+{changes.added} ~{changes.changed} -{changes.removed}), {milliseconds:.1f} ms"
    )


def lines(changes: ChangeSet) -> tuple[str, ...]:
    """One line per change, in file order: ``packycode.enabled: false -> true``."""
    return tuple(line(change) for change in changes.changes)


def line(change: Change) -> str:
    return f"{change.path}: {change.text}{' (restart needed)' if change.restart else ''}"


def clients_line(new: Snapshot) -> str:
    """``clients: 4 (1 packycode + 2 tppc + 1 store)``."""
    counts = Counter(auth.kind for auth in new.core_auths)
    parts = " + ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    return f"clients: {len(new.core_auths)} ({parts})"


def packycode_line(new: Snapshot) -> str:
    """``packycode settings from: mixed (base-url: env, …)``; empty while the block is switched off."""
    return f"packycode settings from: {source_words(new.effective_sources)}" if new.config.packycode.enabled else ""


def profile_lines(old: Snapshot | None, new: Snapshot) -> Iterator[tuple[str, str]]:
    """(provider, line): which profile it has, why, and what is never sent because of it, if anything: clients see that
    in ``x-tppcd-lost``."""
    before = {auth.name: (auth.profile, auth.profile_reason) for auth in old.core_auths} if old else {}
    for auth in {auth.name: auth for auth in new.core_auths}.values():
        if auth.profile and before.get(auth.name) != (auth.profile, auth.profile_reason):
            left_out = ", ".join(PROFILES[auth.profile].unsupported_on(auth.wire))
            never_sent = f": never sent are {left_out}" if left_out else ""
            yield auth.name, f"{auth.name} has the profile {auth.profile} ({auth.profile_reason}){never_sent}"


def discovery_line(new: Snapshot) -> str:
    """``models: packycode, fox also serve what their upstreams list …``; empty where no upstream is asked. For who had
    the built-in names alone before."""
    names = tuple(dict.fromkeys(auth.name for auth in new.core_auths if auth.discover and auth.keeps_models))
    if not names:
        return ""
    more = f" and {len(names) - NAMES_AT_MOST} more" if len(names) > NAMES_AT_MOST else ""
    serve, upstream = ("serves", "its upstream lists") if len(names) == 1 else ("serve", "their upstreams list")
    return (
        f"models: {', '.join(names[:NAMES_AT_MOST])}{more} also {serve} what {upstream} "
        "(GET {base-url}/models, asked soon after the start and every hour); 'models: seed' turns this off"
    )


def models_lines(old: Snapshot, new: Snapshot) -> Iterator[tuple[str, str]]:
    """(provider, ``models of fox: +2 -1``): what an upstream lists now, and before."""
    before = {each.id: old.models.lists_of(each) for each in old.models.auths}
    sizes: dict[tuple[object, ...], str] = {}  # thousands of core auths may have the same list
    for auth in new.models.auths:
        lists, known = new.models.lists_of(auth), before.get(auth.id, NO_MODELS)
        key = (known.key, lists.key)
        if lists.key != known.key and key not in sizes:
            names, known_names = lists.read().by_name.keys(), known.read().by_name.keys()
            sizes[key] = f"+{len(names - known_names)} -{len(known_names - names)}" if names != known_names else ""
        if sizes.get(key):
            yield auth.name, f"models of {auth.label}: {sizes[key]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
