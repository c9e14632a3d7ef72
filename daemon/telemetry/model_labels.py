"""Which models have series of their own in the metrics, and which are counted together as ``other``.

1. A model that the configuration names has its own, whatever clients ask for: its number is the configuration's.
2. What upstreams list, and what a client asks a provider for by a prefix, has its own as long as there is room.
3. A model that has been removed counts as ``other`` until it is named again, also for requests that were running.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

Standing = Literal["registered", "discovered", ""]
"""How a model is known: the configuration names it, its upstream lists it, or neither."""

StandingOf = Callable[[str, str], Standing]
"""(provider name, the upstream's name for the model) -> how it is known now."""

Pair = tuple[str, str]

OTHER: Final = "other"
MOST_MODELS: Final = 64
MOST_DISCOVERED: Final = 1024
LONGEST: Final = 256
"""Characters: clients' names are not longer, but a configuration may map one to whatever it likes."""
MOST_REMOVED: Final = 1024
"""Pairs that are remembered as removed; the oldest is forgotten first."""

_ROOM: Final[Mapping[Standing, int]] = {"discovered": MOST_DISCOVERED, "": MOST_MODELS}


def _unknown(_provider: str, _model: str) -> Standing:
    return ""


class ModelLabels:
    """Live state of one daemon."""

    __slots__ = ("_own", "_removed", "_standing_of", "_used")

    def __init__(self) -> None:
        self._standing_of: StandingOf = _unknown
        self._own: dict[Pair, Standing] = {}
        self._used: dict[Standing, int] = {"discovered": 0, "": 0}
        self._removed: OrderedDict[Pair, None] = OrderedDict()

    def label(self, provider: str, model: str) -> str:
        """``model``, or ``other``, which a name longer than ``LONGEST`` always is."""
        if len(model) > LONGEST:
            return OTHER
        pair = (provider, model)
        if pair in self._own:
            return model
        standing = self._standing_of(provider, model)
        if standing in _ROOM and self._used[standing] >= _ROOM[standing]:
            return OTHER
        if not standing and pair in self._removed:
            return OTHER
        self._take(pair, standing)
        return model

    def known(self, provider: str, model: str) -> str:
        """As ``label``, but what nobody has named, and no request has got an answer of, takes no room."""
        if not model:
            return ""
        is_known = (provider, model) in self._own or self._standing_of(provider, model) == "registered"
        return self.label(provider, model) if is_known else OTHER

    def follow(self, providers: Collection[str], standing_of: StandingOf) -> frozenset[Pair]:
        """These providers and models are known from now on; gives the pairs whose series end."""
        self._standing_of = standing_of
        before, self._own = self._own, {}
        self._used = dict.fromkeys(self._used, 0)
        gone = set()
        for pair, known_as in before.items():
            if pair[0] not in providers:
                gone.add(pair)
                continue
            standing = standing_of(*pair)
            if standing or not known_as:
                self._take(pair, standing)
            else:
                gone.add(pair)
                self._removed[pair] = None
        while len(self._removed) > MOST_REMOVED:
            self._removed.popitem(last=False)
        return frozenset(gone)

    def _take(self, pair: Pair, standing: Standing) -> None:
        self._own[pair] = standing
        if standing in _ROOM:
            self._used[standing] += 1
