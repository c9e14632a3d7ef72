"""How many core auths a snapshot registers with other models than before, for the metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import Final

from daemon.snapshot.snapshot import Snapshot

ACTIONS: Final = ("registered", "unregistered", "unchanged")


def registrations(old: Snapshot | None, new: Snapshot) -> Mapping[str, int]:
    """How many for each of ``ACTIONS``, after ``old``. It compares every core auth: off the loop."""
    before = {each.client_id: old.models.lists_of(each) for each in old.models.auths} if old else {}
    counts = Counter(dict.fromkeys(ACTIONS, 0))
    read: dict[tuple[object, ...], Set[str]] = {}  # of 2,000 providers most have the same
    for auth in new.models.auths:
        lists, known = new.models.lists_of(auth), before.pop(auth.client_id, None)
        if known is None:
            counts["registered"] += 1
            continue
        if known.key == lists.key:
            counts["unchanged"] += 1
            continue
        for each in (known, lists):
            if each.key not in read:
                read[each.key] = each.read().by_name.keys()
        counts["unchanged" if read[known.key] == read[lists.key] else "registered"] += 1
    counts["unregistered"] = len(before)
    return counts
