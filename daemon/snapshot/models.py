"""The model registry: which core auths serve which public name. A pure function of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daemon.snapshot.core_auths import CoreAuth


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


class ModelRegistry(Struct, frozen=True, kw_only=True):
    by_name: Mapping[str, tuple[Candidate, ...]]
