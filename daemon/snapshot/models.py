"""The model registry: which core auths serve which public name. A pure function of the snapshot.

1. What a core auth serves is its ``models``, or in their place what its upstream lists (``listed``), once that is
   known and not empty. The former are registered names, the latter discovered ones.
2. Look-up order: ``provider/`` prefix, exact registered name, name less effort suffix, ``model-aliases`` (first
   match), discovered name, less effort suffix too, else ``ModelUnknown``. So an upstream that lists a name takes it
   from no alias, but for the built-in ``claude-*`` row, which is for clients of upstreams that have no such models: it
   yields to one with the Messages API that has.
3. Whoever lists a name serves it, whichever rule leads there: of two relays, one of which lists its models and one
   of which has the seed's ids, both are asked for gpt-5.
4. An alias leads to a name that is looked up by the other rules, never to another alias, so there are no loops.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from daemon.config.provider import lower_name
from daemon.config.schema import DEFAULT_ALIASES, ModelAlias, ModelEntry
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.effort import clamp, split_parentheses
from daemon.snapshot.listings import Candidate, Listing, Lists, default_of, listings, names_of, seed_effort, suffixes

CLAUDE_NAMES = ("claude-haiku-4-5-20251001", "claude-opus-4-8", "claude-sonnet-5")
"""Names that Claude Code requests by itself: a ``claude-*`` pattern is listed as these."""
CLAUDES_FAMILY = "anthropic"
"""The family of core auths whose upstreams may have these models themselves."""

LONGEST_NAME = 200
"""Longer names are not compared for similarity: that takes time in the square of their length."""
MOST_COMPARED = 300
"""Names that an unknown one is compared with: upstreams may list many thousands."""
MOST_SHOWN = 50
"""Names in an error message."""


class Resolution(Struct, frozen=True, kw_only=True):
    """Where a model name leads. ``effort`` is the suffix's level (``gpt-5-high``, ``gpt-5(high)``),
    ``matched`` the registered or alias name that won, ``rule`` which look-up step it was:
    ``provider-prefix``, ``exact``, ``effort-suffix``, ``alias`` or ``discovered``."""

    candidates: tuple[Candidate, ...]
    effort: str | None
    matched: str
    rule: str


class ModelUnknown(ValueError):
    """No enabled provider serves ``name``. ``nearest`` and ``available`` are names that would work, ``unlisted`` are
    providers whose models are not known, but can be asked for all the same."""

    def __init__(
        self, name: str, nearest: tuple[str, ...], available: tuple[str, ...], unlisted: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.nearest = nearest
        self.available = available
        self.unlisted = unlisted
        super().__init__(self._message())

    def _message(self) -> str:
        shown = self.name if len(self.name) <= LONGEST_NAME else f"{self.name[:LONGEST_NAME]}…"
        ways = []
        if self.nearest:
            ways.append(f"did you mean '{self.nearest[0]}'?")
        if self.available:
            more = f" and {len(self.available) - MOST_SHOWN} more" if len(self.available) > MOST_SHOWN else ""
            ways.append(f"available: {', '.join(self.available[:MOST_SHOWN])}{more}")
        if self.unlisted:
            several = f" (also {', '.join(self.unlisted[1:4])})" if len(self.unlisted) > 1 else ""
            ways.append(f"'{self.unlisted[0]}/…' asks {self.unlisted[0]} for a model that it does not list{several}")
        if not ways:
            return f"model '{shown}' is not available: no provider is enabled"
        return f"model '{shown}' is not available; {' '.join(ways)}"


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


class ModelRegistry(Struct, frozen=True, kw_only=True):
    """``auths`` by priority, then file order; ``by_name`` the names that are registered or discovered, sorted;
    ``registered`` the former; ``by_provider`` what each provider lists, ``slashes`` how many the name of a provider
    has at most, ``defaults`` each core auth that has a default model with it. ``listed`` is what was discovered, by
    core auth ID."""

    by_name: Mapping[str, tuple[Listing, ...]]
    registered: frozenset[str] = frozenset()
    auths: tuple[CoreAuth, ...] = ()
    by_provider: Mapping[str, tuple[Listing, ...]] = {}
    slashes: int = 0
    defaults: tuple[Candidate, ...] = ()
    aliases: tuple[AliasRule, ...] = ()
    built_in_aliases: bool = False
    listed: Lists = {}

    def resolve(self, name: str) -> Resolution:
        """Where a client's model name leads. Raises ``ModelUnknown``."""
        resolution = (
            self._prefixed(name)
            or self._registered(name)
            or self._instead_of_built_in(name)
            or self._aliased(name)
            or self._discovered(name)
        )
        if resolution is None:
            raise self._unknown(name)
        return resolution

    def names(self) -> tuple[str, ...]:
        """Every registered or discovered name, sorted."""
        return tuple(self.by_name)

    def alias_names(self) -> tuple[str, ...]:
        """Concrete ``claude-*`` names that an alias leads somewhere: Claude Code lists no others."""
        patterns = (rule.alias.pattern for rule in self.aliases if not re.search(r"[*?\[]", rule.alias.pattern))
        names = {name for name in (*patterns, *CLAUDE_NAMES) if name.startswith("claude-")}
        return tuple(sorted(name for name in names if name not in self.by_name and self._aliased(name)))

    def registrations(self) -> tuple[Registration, ...]:
        """What each core auth registers, in the order of ``auths``."""
        every = [listing for listings in self.by_provider.values() for listing in listings]
        shared = {id(each.by_name): each.by_name for each in every}
        names = {key: tuple(by_name) for key, by_name in shared.items()}
        by_auth = {each.auth.id: names[id(each.by_name)] for each in every}
        return tuple(
            Registration(client_id=auth.client_id, auth_id=auth.id, provider=auth.name, models=by_auth[auth.id])
            for auth in self.auths
        )

    def list_of(self, auth: CoreAuth) -> Sequence[str | ModelEntry]:
        """Where the names that a core auth serves come from: the same object as long as nothing changes."""
        return self.listed.get(auth.id) or auth.models

    def _prefixed(self, name: str) -> Resolution | None:
        """``fox/gpt-5``: provider fox only, also for a model that it does not list."""
        listings, rest = self._asked_provider(name)
        if not listings:
            return None
        results = [listing.ask(name) or listing.ask(rest) or listing.ask_unlisted(rest) for listing in listings]
        candidates = tuple(candidate for candidate, _ in results)
        return Resolution(candidates=candidates, effort=results[0][1], matched=name, rule="provider-prefix")

    def _asked_provider(self, name: str) -> tuple[tuple[Listing, ...], str]:
        """The provider that ``name`` begins with, the longest if there are several, and what follows it."""
        parts = name.split("/", self.slashes + 1)
        for count in range(len(parts) - 1, 0, -1):
            listings = self.by_provider.get(lower_name("/".join(parts[:count])), ())
            if listings and (rest := "/".join(parts[count:])):
                return listings, rest
        return (), ""

    def _registered(self, name: str) -> Resolution | None:
        if name in self.registered:
            return self._exact(name, "exact")
        for base, level in suffixes(name):
            if base in self.registered:
                return self._suffixed(base, level, "effort-suffix")
        return None

    def _discovered(self, name: str) -> Resolution | None:
        if name in self.by_name:
            return self._exact(name, "discovered")
        for base, level in suffixes(name):
            if base in self.by_name:
                return self._suffixed(base, level, "discovered")
        return None

    def _instead_of_built_in(self, name: str) -> Resolution | None:
        """A discovered name that the built-in alias yields to."""
        if not self.built_in_aliases:
            return None
        found = self._discovered(name)
        return found if found and any(each.auth.provider == CLAUDES_FAMILY for each in found.candidates) else None

    def _exact(self, name: str, rule: str) -> Resolution:
        candidates = self._candidates(name)
        return Resolution(candidates=candidates, effort=seed_effort(name, candidates), matched=name, rule=rule)

    def _suffixed(self, base: str, level: str, rule: str) -> Resolution:
        candidates = self._candidates(base)
        return Resolution(candidates=candidates, effort=clamp(level, candidates[0].model), matched=base, rule=rule)

    def _candidates(self, name: str) -> tuple[Candidate, ...]:
        return tuple(listing.candidate(name) for listing in self.by_name[name])

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
            model = alias.model
            resolution = self._prefixed(model) or self._registered(model) or self._discovered(model)
            candidates, effort = (resolution.candidates, resolution.effort) if resolution else ((), None)
        if not candidates:
            return None
        effort = clamp(level, candidates[0].model) if level else effort
        return Resolution(candidates=candidates, effort=effort, matched=alias.pattern, rule="alias")

    def _unknown(self, name: str) -> ModelUnknown:
        available, near = self.names(), []
        if len(name) <= LONGEST_NAME:
            likely = (each for each in available if each in self.registered or each[:2].lower() == name[:2].lower())
            near = difflib.get_close_matches(name, islice(likely, MOST_COMPARED), n=3, cutoff=0.5)
        listings = (each for listings in self.by_provider.values() for each in listings)
        unlisted = dict.fromkeys(each.auth.name for each in listings if not each.by_name)
        return ModelUnknown(name, tuple(near), available, tuple(unlisted))


def registry(
    auths: Iterable[CoreAuth],
    aliases: Sequence[ModelAlias],
    listed: Lists | None = None,
    old: ModelRegistry | None = None,
) -> ModelRegistry:
    """Register the models of these core auths; one without an ``alias`` is known by its upstream name.

    ``listed`` is what their upstreams list, by core auth ID; that of others is dropped. What is in ``old`` already is
    taken from there.
    """
    ordered = tuple(sorted(auths, key=lambda auth: -auth.priority))
    known = {auth.id: names for auth in ordered if (names := (listed or {}).get(auth.id))}
    before = {each.auth.id: each for listings in old.by_provider.values() for each in listings} if old else {}
    read = listings(ordered, known, before, old.listed if old else {})
    defaults = {each.auth.id: each for each in old.defaults} if old else {}
    found = (defaults.get(each.auth.id) if before.get(each.auth.id) is each else default_of(each) for each in read)
    by_provider: dict[str, list[Listing]] = {}
    for listing in read:
        by_provider.setdefault(lower_name(listing.auth.name), []).append(listing)
    return ModelRegistry(
        by_name=names_of(read),
        registered=frozenset(name for each in read if each.auth.id not in known for name in each.by_name),
        auths=ordered,
        by_provider={name: tuple(each) for name, each in by_provider.items()},
        slashes=max((name.count("/") for name in by_provider), default=0),
        defaults=tuple(filter(None, found)),
        aliases=tuple(AliasRule(alias, re.compile(fnmatch.translate(alias.pattern))) for alias in aliases),
        built_in_aliases=tuple(aliases) == DEFAULT_ALIASES,
        listed=known,
    )
