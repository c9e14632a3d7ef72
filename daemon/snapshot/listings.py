"""What each core auth lists, and who lists each name. Pure.

Core auths with one and the same list share what is made of it: 2,000 keys of a relay with 600 models cost no more than
600 models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from daemon.config.model_patterns import excluding
from daemon.config.schema import ModelEntry
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.effort import SEED_EFFORTS, clamp, split_dash, split_parentheses

NO_CHAT = re.compile(r"embed|rerank|whisper|tts|dall-e|image|moderation|transcri|audio|realtime", re.IGNORECASE)
"""Models that upstreams list beside those that answer a prompt; LM Studio has an embedding model in every list. They
are listed and can be asked for, but none is what a provider answers with by default."""

Lists = Mapping[str, tuple[str, ...]]
"""Core auth ID -> what its upstream lists, in its order."""


Standing = Literal["registered", "discovered", ""]
"""How a provider's model is known: the configuration names it, its upstream lists it, or neither."""


class Candidate(Struct, frozen=True, gc=False):
    """One core auth that can serve a request, and the upstream's name for the model."""

    auth: CoreAuth
    model: str


class Names(Struct, frozen=True, gc=False):
    """Public name -> the upstream's name, first entry of a name; ``registered`` are those that were not discovered."""

    by_name: Mapping[str, str]
    registered: frozenset[str]


class Listing(Struct, frozen=True, gc=False):
    """What one core auth lists."""

    auth: CoreAuth
    names: Names

    @property
    def by_name(self) -> Mapping[str, str]:
        return self.names.by_name

    def candidate(self, name: str) -> Candidate:
        """For a name that it lists."""
        return Candidate(self.auth, self.names.by_name[name])

    def excludes(self, name: str) -> bool:
        """Whether it must not serve this name, which it does not list."""
        return bool(self.auth.exclude_models) and excluding(self.auth.exclude_models).match(name) is not None

    def standing(self, model: str) -> Standing:
        """How the upstream's name ``model`` is known here."""
        by_name, registered, auth = self.names.by_name, self.names.registered, self.auth
        if model == auth.defaults.model or model in auth.fallback_models:
            return "registered"
        if by_name.get(model) == model:  # most public names are the upstream's
            public = [model]
        else:
            public = [name for name, known_as in by_name.items() if known_as == model]
        if any(name in registered for name in public):
            return "registered"
        return "discovered" if public else ""

    def ask(self, name: str) -> tuple[Candidate, str | None] | None:
        """The candidate and the effort of a listed name, also with an effort suffix."""
        by_name = self.names.by_name
        if name in by_name:
            candidate = self.candidate(name)
            return candidate, seed_effort(name, (candidate,))
        for base, level in suffixes(name):
            if base in by_name and not self.excludes(name):
                candidate = self.candidate(base)
                return candidate, clamp(level, candidate.model)
        return None

    def ask_unlisted(self, name: str) -> tuple[Candidate, str | None] | None:
        base, level = split_parentheses(name) or (name, None)
        return None if self.excludes(name) or self.excludes(base) else (Candidate(self.auth, base), level)


class ModelLists(Struct, frozen=True):
    """Where the names that a core auth serves come from. Two with one ``key`` have the same names; it is good for as
    long as both are there."""

    registered: tuple[ModelEntry, ...]
    discovered: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def key(self) -> tuple[object, ...]:
        return id(self.registered), id(self.discovered), self.excluded

    def read(self) -> Names:
        by_name = _registered_names(self.registered)
        registered = frozenset(by_name)
        by_name |= {name: model for name, model in _discovered_names(self.discovered).items() if name not in by_name}
        if self.excluded:
            out = excluding(self.excluded)
            by_name = {name: model for name, model in by_name.items() if not out.match(name) and not out.match(model)}
        return Names(by_name, registered & by_name.keys())


def lists_of(auth: CoreAuth, known: Lists) -> ModelLists:
    """A list of the upstream that is known and not empty takes the place of the models, or comes beside them."""
    discovered = (known.get(auth.id) or ()) if auth.discover else ()  # it may have been asked before a change
    return ModelLists(auth.models if auth.keeps_models or not discovered else (), discovered, auth.exclude_models)


def listings(
    auths: Iterable[CoreAuth], known: Lists, before: Mapping[str, Listing], known_before: Lists
) -> tuple[Listing, ...]:
    """Lists that are one and the same object are read once. ``before`` are listings that were made already, by core
    auth ID, of ``known_before``: they are used again where nothing has changed."""
    read: dict[tuple[object, ...], Names] = {}  # the lists live as long as this function does
    listings = []
    for auth in auths:
        lists = lists_of(auth, known)
        old = before.get(auth.id)
        same = old is not None and old.auth is auth and known_before.get(auth.id) is known.get(auth.id)
        if same and old is not None and read.setdefault(lists.key, old.names) is old.names:
            listings.append(old)
            continue
        if lists.key not in read:
            read[lists.key] = lists.read()
        listings.append(Listing(auth, read[lists.key]))
    return tuple(listings)


def _registered_names(models: Iterable[ModelEntry]) -> dict[str, str]:
    """The seed's effort ids are asked as their base model; an entry with an alias is asked as written."""
    by_name: dict[str, str] = {}
    for entry in models:
        model = entry.name if entry.alias else SEED_EFFORTS.get(entry.name, (entry.name, ""))[0]
        by_name.setdefault(entry.public, model)
    return by_name


def _discovered_names(names: Iterable[str]) -> Mapping[str, str]:
    """An upstream may have models of its own with the names of the seed's effort ids: these stand for their base
    model where it lists that, too."""
    by_name = {name: name for name in names}
    return {name: base if (base := SEED_EFFORTS.get(name, (name, ""))[0]) in by_name else name for name in by_name}


def names_of(listings: Iterable[Listing]) -> dict[str, tuple[Listing, ...]]:
    """Who lists each name: those that are registered, then the discovered ones, both sorted. The names of the same
    lists share one tuple."""
    groups: dict[int, list[int]] = {}
    ranked = tuple(listings)
    for rank, listing in enumerate(ranked):
        groups.setdefault(id(listing.names), []).append(rank)
    lists: dict[str, list[int]] = {}
    for ranks in groups.values():
        for name in ranked[ranks[0]].by_name:
            lists.setdefault(name, []).append(ranks[0])
    members = {ranks[0]: ranks for ranks in groups.values()}
    serving: dict[tuple[int, ...], tuple[Listing, ...]] = {}
    by_name = {}
    registered = frozenset[str]().union(*{id(each.names): each.names.registered for each in ranked}.values())
    for name in sorted(lists, key=lambda name: (name not in registered, name)):
        key = tuple(lists[name])
        if key not in serving:
            serving[key] = tuple(ranked[rank] for rank in sorted(rank for first in key for rank in members[first]))
        by_name[name] = serving[key]
    return by_name


def default_of(listing: Listing) -> Candidate | None:
    """What a core auth answers with where a client's name stands for any model. Where its upstream was asked for its
    models, the configured one if it is among them, else the first that answers prompts."""
    auth, names = listing.auth, listing.by_name
    model = auth.defaults.model
    if auth.discover and not auth.keeps_models and model not in names:
        model = next((name for name in names if not NO_CHAT.search(name)), model)
    if not model:
        return None
    found = listing.ask(model) or listing.ask_unlisted(model)
    return found[0] if found else None


def suffixes(name: str) -> Iterator[tuple[str, str]]:
    """The ways to read an effort suffix: (base name, level)."""
    yield from filter(None, (split_parentheses(name), split_dash(name)))


def seed_effort(name: str, candidates: tuple[Candidate, ...]) -> str | None:
    """The effort that one of the seed's ids stands for, unless the name is an alias for something else."""
    base, effort = SEED_EFFORTS.get(name, ("", None))
    return effort if any(candidate.model == base for candidate in candidates) else None
