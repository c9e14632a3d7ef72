"""The refusal of a model name, with the ways out in words. Pure."""

from __future__ import annotations

MOST_BYTES = 256
"""Of a model name that a client asks for, in UTF-8. Names go into logs, metrics and tables that bound how many they
hold: this bounds how large each is."""
LONGEST_NAME = 200
"""Longer names are not compared for similarity: that takes time in the square of their length."""
MOST_COMPARED = 300
"""Names that an unknown one is compared with: upstreams may list many thousands."""
MOST_SHOWN = 50
"""Names in an error message."""
MOST_PROVIDERS = 3
"""Providers in an error message."""


def too_long(name: str) -> str:
    """Why a name is refused for its length alone, without a word of it; empty where it is not."""
    if 4 * len(name) <= MOST_BYTES or (size := len(name.encode("utf-8", "surrogatepass"))) <= MOST_BYTES:
        return ""
    return f"the model name has {size} bytes, at most {MOST_BYTES} are allowed (GET /v1/models lists the names)"


class ModelUnknown(ValueError):
    """No enabled provider serves ``name``. ``nearest`` and ``available`` are names that would work; ``providers`` can
    be asked for any name by a prefix; those in ``excluded`` must not serve this one (``exclude-models``)."""

    def __init__(
        self,
        name: str,
        nearest: tuple[str, ...],
        available: tuple[str, ...],
        *,
        providers: tuple[str, ...] = (),
        excluded: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.nearest = nearest
        self.available = available
        self.providers = providers
        self.excluded = excluded
        super().__init__(self._message())

    def _message(self) -> str:
        name = self.name if len(self.name) <= LONGEST_NAME else f"{self.name[:LONGEST_NAME]}…"
        if not self.providers:
            return f"model '{name}' is not available: no provider is enabled"
        return f"model '{name}' is not available; {' '.join(self._ways(name))}"

    def _ways(self, name: str) -> list[str]:
        ways = []
        if self.nearest:
            ways.append(f"did you mean '{self.nearest[0]}'?")
        if self.excluded:
            ways.append(f"exclude-models of {_some(self.excluded)} excludes it;")
        if self.available:
            more = f" and {len(self.available) - MOST_SHOWN} more" if len(self.available) > MOST_SHOWN else ""
            ways.append(f"available: {', '.join(self.available[:MOST_SHOWN])}{more};")
        able = tuple(each for each in self.providers if each not in self.excluded)
        if able and "/" not in name and len(name) < LONGEST_NAME:
            ways.append(f"'{able[0]}/{name}' asks {able[0]} for it all the same{_also(able[1:])};")
        ways.append("or add it to a provider's models, or set defaults.model for names that model-aliases match")
        return ways


def _also(others: tuple[str, ...]) -> str:
    return f" (also {_some(others)})" if others else ""


def _some(names: tuple[str, ...]) -> str:
    more = " and others" if len(names) > MOST_PROVIDERS else ""
    return f"{', '.join(names[:MOST_PROVIDERS])}{more}"
