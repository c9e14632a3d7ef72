"""The model registry: which core auths serve which public name. A pure function of the snapshot.

1. What a core auth serves is its ``models``, and what its upstream lists (``listed``), once that is known and not
   empty: in their place (of the store) or beside them (of config.yaml). The former are registered names, the latter
   discovered ones. What its ``exclude_models`` match it serves by no name.
2. Look-up order: ``provider/`` prefix, exact registered name, name less effort suffix, ``model-aliases`` (first
   match), discovered name, less effort suffix too, else ``ModelUnknown``. So an upstream that lists a name takes it
   from no alias, but for the built-in ``claude-*`` row, which is for clients of upstreams that have no such models: it
   yields to one with the Messages API that has.
3. Whoever lists a name serves it, whichever rule leads there: of two relays, one of which lists its models and one
   of which has the seed's ids, both are asked for gpt-5.
4. An alias leads to a name that is looked up by the other rules, never to another alias, so there are no loops.
5. Two spellings are the client's own and mean the name within: ``NAME[1m]`` and ``anthropic/claude-…``. A name that
   is listed with them in it is looked up as it is.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from daemon.config.provider import lower_name
from daemon.config.schema import DEFAULT_ALIASES, ModelAlias
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.effort import clamp, split_parentheses
from daemon.snapshot.listings import (
    Candidate,
    Listing,
    Lists,
    ModelLists,
    Standing,
    default_of,
    listings,
    lists_of,
    names_of,
    seed_effort,
    suffixes,
)
from daemon.snapshot.model_unknown import LONGEST_NAME, MOST_COMPARED, ModelUnknown
from daemon.wires.effort import lowered

__all__ = ["ModelRegistry", "ModelUnknown", "Registration", "Resolution", "registry"]

CLAUDE_NAMES = ("claude-haiku-4-5-20251001", "claude-opus-4-8", "claude-sonnet-5")
"""Names that Claude Code requests by itself: a ``claude-*`` pattern is listed as these."""
CLAUDES_FAMILY = "anthropic"
"""The family of core auths whose upstreams may have these models themselves."""

LONG_CONTEXT = re.compile(r"\[[12]m\](?=$|-(?:minimal|low|medium|high|xhigh)$|\([^()]*\)$)", re.IGNORECASE)
"""Claude Code's mark for a context of one or two million tokens. It takes the mark off before it sends (2.1.332,
2026-11); clients and relays that have adopted it do not."""
OF_ANTHROPIC = re.compile(r"anthropic/(?=claude-)")
"""Claude Desktop and clients of OpenRouter name models so."""


class Resolution(Struct, frozen=True, kw_only=True):
    """Where a model name leads. ``effort`` is the suffix's level (``gpt-5-high``, ``gpt-5(high)``),
    ``matched`` the registered or alias name that won, ``rule`` which look-up step it was:
    ``provider-prefix``, ``exact``, ``effort-suffix``, ``alias`` or ``discovered``. ``lowered``: the suffix asks for
    more than ``effort``, the most that the model has."""

    candidates: tuple[Candidate, ...]
    effort: str | None
    matched: str
    rule: str
    lowered: bool = False


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

    def is_for(self, name: str) -> bool:
        return self.matches.fullmatch(name) is not None or self.alias.pattern == name


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
        plain = self._without_mark(name) if "[" in name else name
        resolution = self._look_up(plain)
        if resolution is None and OF_ANTHROPIC.match(plain):
            resolution = self._look_up(OF_ANTHROPIC.sub("", plain, count=1))
        if resolution is None:
            raise self._unknown(name)
        return resolution

    def names(self, *, with_aliases: bool = False) -> tuple[str, ...]:
        """Every registered name and, if wanted, ``alias_names``, then the discovered ones; both parts sorted."""
        if not with_aliases or not (aliases := self.alias_names()):
            return tuple(self.by_name)
        first = {*self.registered, *aliases}
        return (*sorted(first), *(name for name in self.by_name if name not in first))

    def alias_names(self) -> tuple[str, ...]:
        """Concrete ``claude-*`` names that an alias leads somewhere: Claude Code lists no others."""
        patterns = (rule.alias.pattern for rule in self.aliases if not re.search(r"[*?\[]", rule.alias.pattern))
        names = {name for name in (*patterns, *CLAUDE_NAMES) if name.startswith("claude-")}
        return tuple(sorted(name for name in names if name not in self.by_name and self._aliased(name)))

    def registrations(self) -> tuple[Registration, ...]:
        """What each core auth registers, in the order of ``auths``."""
        every = [listing for listings in self.by_provider.values() for listing in listings]
        shared = {id(each.names): each.by_name for each in every}
        names = {key: tuple(by_name) for key, by_name in shared.items()}
        by_auth = {each.auth.id: names[id(each.names)] for each in every}
        return tuple(
            Registration(client_id=auth.client_id, auth_id=auth.id, provider=auth.name, models=by_auth[auth.id])
            for auth in self.auths
        )

    def lists_of(self, auth: CoreAuth) -> ModelLists:
        """Where the names that a core auth serves come from."""
        return lists_of(auth, self.listed)

    def standing(self, provider: str, model: str) -> Standing:
        """How a provider's model is known, by the provider's name as it is written and the upstream's name."""
        own = (each for each in self.by_provider.get(lower_name(provider), ()) if each.auth.name == provider)
        standings = {each.standing(model) for each in own}
        if standings and any(_names(rule.alias.model, provider, model) for rule in self.aliases):
            return "registered"
        return next((each for each in ("registered", "discovered") if each in standings), "")

    def _without_mark(self, name: str) -> str:
        listings, rest = self._asked_provider(name)
        if name in self.by_name or any(rest in listing.by_name for listing in listings):
            return name
        if any(rule.alias.pattern == name for rule in self.aliases):
            return name
        return LONG_CONTEXT.sub("", name)

    def _look_up(self, name: str) -> Resolution | None:
        return (
            self._prefixed(name)
            or self._registered(name)
            or self._instead_of_built_in(name)
            or self._aliased(name)
            or self._discovered(name)
        )

    def _prefixed(self, name: str) -> Resolution | None:
        """``fox/gpt-5``: provider fox only, also for a model that it does not list, but for one that it excludes."""
        listings, rest = self._asked_provider(name)
        if not listings:
            return None
        results = [listing.ask(name) or listing.ask(rest) or listing.ask_unlisted(rest) for listing in listings]
        asked = [result for result in results if result is not None]
        if not asked:
            return None
        candidates, effort = tuple(candidate for candidate, _ in asked), asked[0][1]
        less = any(base == candidates[0].model and lowered(level, effort) for base, level in suffixes(rest))
        return Resolution(candidates=candidates, effort=effort, matched=name, rule="provider-prefix", lowered=less)

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
            if base in self.registered and (found := self._suffixed(name, base, level, "effort-suffix")):
                return found
        return None

    def _discovered(self, name: str) -> Resolution | None:
        if name in self.by_name:
            return self._exact(name, "discovered")
        for base, level in suffixes(name):
            if base in self.by_name and (found := self._suffixed(name, base, level, "discovered")):
                return found
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

    def _suffixed(self, name: str, base: str, level: str, rule: str) -> Resolution | None:
        candidates = tuple(each.candidate(base) for each in self.by_name[base] if not each.excludes(name))
        if not candidates:
            return None
        effort = clamp(level, candidates[0].model)
        less = lowered(level, effort)
        return Resolution(candidates=candidates, effort=effort, matched=base, rule=rule, lowered=less)

    def _candidates(self, name: str) -> tuple[Candidate, ...]:
        return tuple(listing.candidate(name) for listing in self.by_name[name])

    def _aliased(self, name: str) -> Resolution | None:
        base, level = split_parentheses(name) or (name, None)
        for rule in self.aliases:
            if rule.is_for(name) or rule.is_for(base):
                return self._behind(rule.alias, level)
        return None

    def _behind(self, alias: ModelAlias, level: str | None) -> Resolution | None:
        """An alias without a model stands for the default model of each provider."""
        candidates, effort, less = self.defaults, None, False
        if alias.model:
            model = alias.model
            resolution = self._prefixed(model) or self._registered(model) or self._discovered(model)
            if resolution is None:
                return None
            candidates, effort, less = resolution.candidates, resolution.effort, resolution.lowered
        if not candidates:
            return None
        if level:
            effort = clamp(level, candidates[0].model)
            less = lowered(level, effort)
        return Resolution(candidates=candidates, effort=effort, matched=alias.pattern, rule="alias", lowered=less)

    def _unknown(self, name: str) -> ModelUnknown:
        available, near = self.names(), []
        if len(name) <= LONGEST_NAME:
            likely = (each for each in available if each in self.registered or each[:2].lower() == name[:2].lower())
            near = difflib.get_close_matches(name, islice(likely, MOST_COMPARED), n=3, cutoff=0.5)
        asked, rest = self._asked_provider(name)
        excluding = (each for each in self._excluding(name, rest) if not asked or each in asked)
        return ModelUnknown(
            name,
            tuple(near),
            available,
            providers=tuple(dict.fromkeys(auth.name for auth in self.auths)),
            excluded=tuple(dict.fromkeys(each.auth.name for each in excluding)),
        )

    def _excluding(self, *names: str) -> Iterator[Listing]:
        for own in self.by_provider.values():
            yield from (each for each in own if any(name and each.excludes(name) for name in names))


def _names(alias: str, provider: str, model: str) -> bool:
    """Whether an alias leads to this model of the provider, with an effort or without."""
    name, _ = split_parentheses(alias) or (alias, None)
    return bool(name) and name in (model, f"{provider}/{model}")


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
        registered=frozenset[str]().union(*{id(each.names): each.names.registered for each in read}.values()),
        auths=ordered,
        by_provider={name: tuple(each) for name, each in by_provider.items()},
        slashes=max((name.count("/") for name in by_provider), default=0),
        defaults=tuple(filter(None, found)),
        aliases=tuple(AliasRule(alias, re.compile(fnmatch.translate(alias.pattern))) for alias in aliases),
        built_in_aliases=tuple(aliases) == DEFAULT_ALIASES,
        listed=known,
    )
