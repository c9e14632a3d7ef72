"""The strategies: which of the candidates that may be asked now is asked.

Higher priority tiers come first; the strategy chooses inside the highest tier that has a candidate left. It chooses
anew before each attempt, so that what happened meanwhile counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import Final

from msgspec import Struct

from daemon.snapshot.listings import Candidate

MOST_NAMES: Final = 4096
"""Model names whose turns are remembered."""
UNMEASURED: Final = 0.001
"""Seconds to the first event of a core auth that has not answered yet: it is asked, and so measured."""

NO_CREDIT: Final = (0, 0)
HALF: Final = 0.5
"""What is taken to be left of the limits of a core auth that does not say."""


class Measures(Struct, frozen=True):
    """What strategies may ask of a core auth ID: requests that are running, the peak-EWMA of its first event in
    seconds, and the part of its limits that is left (0 to 1), None where it does not say."""

    pending: Callable[[str], int]
    latency: Callable[[str], float]
    headroom: Callable[[str], float | None]


class Turns:
    """Whose turn it is, per model name: a cursor for ``round-robin``, credits for ``weighted``. Bounded: names come
    from clients."""

    __slots__ = ("_credits", "_cursors")

    def __init__(self) -> None:
        self._cursors: dict[str, int] = {}
        self._credits: dict[str, dict[str, tuple[int, int]]] = {}

    def __len__(self) -> int:
        return max(len(self._cursors), len(self._credits))

    def next(self, name: str, tier: Sequence[Candidate], may: Callable[[Candidate], bool]) -> Candidate | None:
        """The first at or behind the cursor that may be asked; the cursor goes behind it. ``tier`` has all of a tier,
        so that one who rests a while neither loses nor saves turns."""
        start = self._cursors.get(name, 0)
        for step in range(len(tier)):
            place = (start + step) % len(tier)
            if may(tier[place]):
                if name not in self._cursors and len(self._cursors) >= MOST_NAMES:
                    del self._cursors[next(iter(self._cursors))]
                self._cursors[name] = (place + 1) % len(tier)
                return tier[place]
        return None

    def weighted(self, name: str, allowed: Sequence[Candidate]) -> Candidate:
        """nginx's smooth weighted round-robin: each gains its weight, the richest is asked and pays what all gained.
        Who could not be asked gains nothing, so that nobody comes back with a backlog; another weight starts at
        zero."""
        if name not in self._credits and len(self._credits) >= MOST_NAMES:
            del self._credits[next(iter(self._credits))]
        credits = self._credits.setdefault(name, {})
        richest, most, all_gained = allowed[0], -inf, 0
        for candidate in allowed:
            auth = candidate.auth
            auth_id, gain = auth.id, auth.weight
            credit, weight = credits.get(auth_id, NO_CREDIT)
            credit = credit + gain if weight == gain else gain
            credits[auth_id] = credit, gain
            all_gained += gain
            if credit > most:
                richest, most = candidate, credit
        credits[richest.auth.id] = int(most) - all_gained, richest.auth.weight
        return richest

    def keep_only(self, auth_ids: Collection[str]) -> None:
        staying = set(auth_ids)
        for credits in self._credits.values():
            for auth_id in credits.keys() - staying:
                del credits[auth_id]


class Choice(Struct, frozen=True):
    """What a strategy chooses from: all of a tier, and which of it ``may`` be asked now (``all_may``: each of them).
    ``random`` is from 0 to 1."""

    name: str
    tier: Sequence[Candidate]
    may: Callable[[Candidate], bool]
    turns: Turns
    measures: Measures
    random: Callable[[], float]
    all_may: bool = False

    def allowed(self) -> Sequence[Candidate]:
        if self.all_may:
            return self.tier
        return [candidate for candidate in self.tier if self.may(candidate)]


def tiers(candidates: Sequence[Candidate]) -> Sequence[Sequence[Candidate]]:
    """Highest priority first, inside each the order of the configuration."""
    first = candidates[0].auth.priority if candidates else 0
    for candidate in candidates:  # a plain loop: it runs for each request
        if candidate.auth.priority != first:
            break
    else:
        return (candidates,)
    groups: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.auth.priority, []).append(candidate)
    return tuple(groups[priority] for priority in sorted(groups, reverse=True))


def _round_robin(choice: Choice) -> Candidate | None:
    return choice.turns.next(choice.name, choice.tier, choice.may)


def _weighted(choice: Choice) -> Candidate | None:
    """A weight of 0 is asked only where nobody else of the tier may be."""
    allowed = choice.allowed()
    if not allowed:
        return None
    return choice.turns.weighted(choice.name, [each for each in allowed if each.auth.weight > 0] or allowed)


def _fill_first(choice: Choice) -> Candidate | None:
    return next(filter(choice.may, choice.tier), None)


def _least_busy(choice: Choice) -> Candidate | None:
    """The better of two chosen at random: nearly as good as the best of all, and the requests of one moment do not all
    go to the same one (power of two choices, as in Envoy and Finagle)."""
    pair = _two_of(choice.tier, choice.random)
    if not choice.all_may and not all(map(choice.may, pair)):
        pair = _two_of(choice.allowed(), choice.random)
    return min(pair, key=lambda each: _load(each, choice.measures), default=None)


def _two_of(candidates: Sequence[Candidate], random: Callable[[], float]) -> Sequence[Candidate]:
    """Two different ones, or as many as there are."""
    many = len(candidates)
    if many < 2:
        return candidates
    first = int(random() * many) % many
    return candidates[first], candidates[(first + 1 + int(random() * (many - 1))) % many]


def _load(candidate: Candidate, measures: Measures) -> float:
    auth_id = candidate.auth.id
    return (measures.pending(auth_id) + 1) * max(measures.latency(auth_id), UNMEASURED)


def _headroom(choice: Choice) -> Candidate | None:
    """Whoever has most of its limits left. One that does not say counts as half full; those that are equal take
    turns."""
    most, equal, headroom = -1.0, list[Candidate](), choice.measures.headroom
    for candidate in choice.allowed():
        known = headroom(candidate.auth.id)
        left = HALF if known is None else known
        if left > most:
            most, equal = left, []
        if left == most:
            equal.append(candidate)
    return choice.turns.next(choice.name, equal, lambda _: True)


STRATEGIES: Final[Mapping[str, Callable[[Choice], Candidate | None]]] = {
    "round-robin": _round_robin,
    "weighted": _weighted,
    "fill-first": _fill_first,
    "least-busy": _least_busy,
    "headroom": _headroom,
}
