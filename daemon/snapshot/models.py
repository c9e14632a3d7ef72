"""The model registry: which core auths serve which public name. A pure function of the snapshot.

Look-up order: ``provider/`` prefix, exact registered name, name less effort suffix, ``model-aliases``
(first match), else ``ModelUnknown``. An alias leads to a name that is looked up by the rules before it,
never to another alias, so there are no loops.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from daemon.config.provider import lower_name
from daemon.config.schema import ModelAlias
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.effort import SEED_EFFORTS, clamp, split_dash, split_parentheses

CLAUDE_NAMES = ("claude-haiku-4-5-20251001", "claude-opus-4-8", "claude-sonnet-5")
"""Names that Claude Code asks for by itself: what a ``claude-*`` glob is listed as."""

LONGEST_NAME = 200
"""Longer names are not compared for likeness: that takes time in the square of their length."""


class Candidate(Struct, frozen=True):
    """One core auth that can serve a request, and the upstream's name for the model."""

    auth: CoreAuth
    model: str


class Resolution(Struct, frozen=True, kw_only=True):
    """Where a model name leads. ``effort`` is the suffix's level (``gpt-5-high``, ``gpt-5(high)``),
    ``matched`` the registered or alias name that won, ``rule`` which look-up step it was:
    ``provider-prefix``, ``exact``, ``effort-suffix`` or ``alias``."""

    candidates: tuple[Candidate, ...]
    effort: str | None
    matched: str
    rule: str


class ModelUnknown(ValueError):
    """No enabled provider serves ``name``. ``nearest`` and ``available`` are names that would work."""

    def __init__(self, name: str, nearest: tuple[str, ...], available: tuple[str, ...]) -> None:
        self.name = name
        self.nearest = nearest
        self.available = available
        super().__init__(self._message())

    def _message(self) -> str:
        shown = self.name if len(self.name) <= LONGEST_NAME else f"{self.name[:LONGEST_NAME]}…"
        if not self.available:
            return f"model '{shown}' is not available: no provider is enabled in config.yaml"
        guess = f"did you mean '{self.nearest[0]}'? " if self.nearest else ""
        return f"model '{shown}' is not available; {guess}available: {', '.join(self.available)}"


class Registration(Struct, frozen=True, kw_only=True):
    """What one core auth contributes: the public ``models`` under its ``client_id``."""

    client_id: str
    auth_id: str
    provider: str
    """The provider's name (``packycode``, ``fox``)."""
    models: tuple[str, ...]


class AliasRule(Struct, frozen=True):
    alias: ModelAlias
    matches: re.Pattern[str]


class Listing(Struct, frozen=True):
    """What one core auth lists: public name -> candidate, first entry of a name."""

    auth: CoreAuth
    by_name: Mapping[str, Candidate]

    def ask(self, name: str) -> tuple[Candidate, str | None] | None:
        """The candidate and the effort of a listed name, also with an effort suffix."""
        if candidate := self.by_name.get(name):
            return candidate, _seed_effort(name, (candidate,))
        for base, level in _suffixes(name):
            if candidate := self.by_name.get(base):
                return candidate, clamp(level, candidate.model)
        return None

    def ask_unlisted(self, name: str) -> tuple[Candidate, str | None]:
        base, level = split_parentheses(name) or (name, None)
        return Candidate(self.auth, base), level


class ModelRegistry(Struct, frozen=True, kw_only=True):
    """``auths`` by priority, then file order; ``by_name`` the registered names, ``by_provider`` what
    each provider lists, ``slashes`` how many the name of a provider has at most, ``defaults`` each
    core auth that has a default model with it."""

    by_name: Mapping[str, tuple[Candidate, ...]]
    auths: tuple[CoreAuth, ...] = ()
    by_provider: Mapping[str, tuple[Listing, ...]] = {}
    slashes: int = 0
    defaults: tuple[Candidate, ...] = ()
    aliases: tuple[AliasRule, ...] = ()

    def resolve(self, name: str) -> Resolution:
        """Where a client's model name leads. Raises ``ModelUnknown``."""
        resolution = self._prefixed(name) or self._registered(name) or self._aliased(name)
        if resolution is None:
            raise self._unknown(name)
        return resolution

    def names(self) -> tuple[str, ...]:
        """Every registered name, sorted."""
        return tuple(sorted(self.by_name))

    def alias_names(self) -> tuple[str, ...]:
        """Concrete ``claude-*`` names that an alias leads somewhere: Claude Code lists no others."""
        patterns = (rule.alias.pattern for rule in self.aliases if not re.search(r"[*?\[]", rule.alias.pattern))
        names = {name for name in (*patterns, *CLAUDE_NAMES) if name.startswith("claude-")}
        return tuple(sorted(name for name in names if name not in self.by_name and self._aliased(name)))

    def registrations(self) -> tuple[Registration, ...]:
        """What each core auth registers, in the order of ``auths``."""
        return tuple(
            Registration(
                client_id=auth.client_id,
                auth_id=auth.id,
                provider=auth.name,
                models=tuple(dict.fromkeys(entry.public for entry in auth.models)),
            )
            for auth in self.auths
        )

    def _prefixed(self, name: str) -> Resolution | None:
        """``fox/gpt-5``: provider fox only, also for a model that it does not list."""
        listings, rest = self._asked_provider(name)
        if not listings:
            return None
        asked = [listing.ask(name) or listing.ask(rest) or listing.ask_unlisted(rest) for listing in listings]
        candidates = tuple(candidate for candidate, _ in asked)
        return Resolution(candidates=candidates, effort=asked[0][1], matched=name, rule="provider-prefix")

    def _asked_provider(self, name: str) -> tuple[tuple[Listing, ...], str]:
        """The provider that ``name`` begins with, the longest if there are several, and what follows it."""
        parts = name.split("/", self.slashes + 1)
        for count in range(len(parts) - 1, 0, -1):
            listings = self.by_provider.get(lower_name("/".join(parts[:count])), ())
            if listings and (rest := "/".join(parts[count:])):
                return listings, rest
        return (), ""

    def _registered(self, name: str) -> Resolution | None:
        if candidates := self.by_name.get(name):
            effort = _seed_effort(name, candidates)
            return Resolution(candidates=candidates, effort=effort, matched=name, rule="exact")
        for base, level in _suffixes(name):
            if candidates := self.by_name.get(base):
                effort = clamp(level, candidates[0].model)
                return Resolution(candidates=candidates, effort=effort, matched=base, rule="effort-suffix")
        return None

    def _aliased(self, name: str) -> Resolution | None:
        base, level = split_parentheses(name) or (name, None)
        for rule in self.aliases:
            if rule.matches.fullmatch(name) or rule.matches.fullmatch(base):
                return self._behind(rule.alias, level)
        return None

    def _behind(self, alias: ModelAlias, level: str | None) -> Resolution | None:
        """An alias without a model stands for the default model of each provider."""
        candidates, effort = self.defaults, None
        if alias.model:
            resolution = self._prefixed(alias.model) or self._registered(alias.model)
            candidates, effort = (resolution.candidates, resolution.effort) if resolution else ((), None)
        if not candidates:
            return None
        effort = clamp(level, candidates[0].model) if level else effort
        return Resolution(candidates=candidates, effort=effort, matched=alias.pattern, rule="alias")

    def _unknown(self, name: str) -> ModelUnknown:
        available = self.names()
        near = difflib.get_close_matches(name, available, n=3, cutoff=0.5) if len(name) <= LONGEST_NAME else ()
        return ModelUnknown(name, tuple(near), available)


def registry(auths: Iterable[CoreAuth], aliases: Iterable[ModelAlias]) -> ModelRegistry:
    """Register the models of these core auths; one without an ``alias`` is known by its upstream name."""
    ordered = tuple(sorted(auths, key=lambda auth: -auth.priority))
    by_name: dict[str, list[Candidate]] = {}
    by_provider: dict[str, list[Listing]] = {}
    defaults: list[Candidate] = []
    for auth in ordered:
        listing = _listing(auth)
        by_provider.setdefault(lower_name(auth.name), []).append(listing)
        for name, candidate in listing.by_name.items():
            by_name.setdefault(name, []).append(candidate)
        if auth.defaults.model:
            candidate, _ = listing.ask(auth.defaults.model) or listing.ask_unlisted(auth.defaults.model)
            defaults.append(candidate)
    return ModelRegistry(
        by_name={name: tuple(candidates) for name, candidates in by_name.items()},
        auths=ordered,
        by_provider={name: tuple(listings) for name, listings in by_provider.items()},
        slashes=max((name.count("/") for name in by_provider), default=0),
        defaults=tuple(defaults),
        aliases=tuple(AliasRule(alias, re.compile(fnmatch.translate(alias.pattern))) for alias in aliases),
    )


def _listing(auth: CoreAuth) -> Listing:
    """The seed's effort ids are asked as their base model; an entry with an alias is asked as written."""
    by_name: dict[str, Candidate] = {}
    for entry in auth.models:
        model = entry.name if entry.alias else SEED_EFFORTS.get(entry.name, (entry.name, ""))[0]
        by_name.setdefault(entry.public, Candidate(auth, model))
    return Listing(auth, by_name)


def _suffixes(name: str) -> Iterator[tuple[str, str]]:
    """The ways to read an effort suffix: (base name, level)."""
    yield from filter(None, (split_parentheses(name), split_dash(name)))


def _seed_effort(name: str, candidates: tuple[Candidate, ...]) -> str | None:
    """The effort that one of the seed's ids stands for, unless the name is an alias for something else."""
    base, effort = SEED_EFFORTS.get(name, ("", None))
    return effort if any(candidate.model == base for candidate in candidates) else None
