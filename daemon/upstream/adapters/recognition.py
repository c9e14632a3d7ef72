"""Profiles that are recognised by what upstreams say: live state, kept by core auth ID and not over a restart.

1. What config.yaml, the store or the base URL says is never changed: only a core auth without a profile, that was not
   switched off, gets one.
2. Who owns the models says more than a ``server`` header, which may be that of anything in front of the upstream: so
   the latter counts only after a refusal, and while nothing else is known.
3. An upstream that lists other owners has another profile from then on, or none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from loguru import logger
from msgspec import Struct

from daemon.config.profile import Profile
from daemon.config.profiles import owned_profile, server_profile
from daemon.snapshot.core_auths import CoreAuth, with_profile


class Recognised(Struct, frozen=True):
    """``by_owner``: by who owns the models."""

    profile: Profile
    reason: str
    by_owner: bool


class Recognition:
    """One for the daemon's life; ``AdapterRegistry`` has it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Recognised] = {}

    def of(self, auth: CoreAuth) -> CoreAuth:
        """``auth`` with the profile that its upstream has shown."""
        known = self._known.get(auth.id)
        return auth if known is None or not _is_open(auth) else with_profile(auth, known.profile, known.reason)

    def listed(self, auth: CoreAuth, owners: Collection[str]) -> bool:
        """The upstream lists models of ``owners``; whether that changes its profile."""
        profile, reason = owned_profile(owners, auth.wire)
        known = self._known.get(auth.id)
        if profile is None:
            return known is not None and known.by_owner and self._known.pop(auth.id) is not None
        return self._put(auth, Recognised(profile, reason, by_owner=True))

    def refused(self, auth: CoreAuth, server: str) -> bool:
        """The upstream has refused a request, with this ``server`` header; whether that changes its profile."""
        if auth.id in self._known or not server:
            return False
        profile, reason = server_profile(server, auth.wire)
        return profile is not None and self._put(auth, Recognised(profile, reason, by_owner=False))

    def keep_only(self, auth_ids: Iterable[str]) -> None:
        """Forgets every core auth that is not among ``auth_ids``."""
        for gone in self._known.keys() - set(auth_ids):
            del self._known[gone]

    def _put(self, auth: CoreAuth, found: Recognised) -> bool:
        if not _is_open(auth) or self._known.get(auth.id) == found:
            return False
        self._known[auth.id] = found
        bound = logger.bind(provider=auth.name)
        bound.info("{} has the profile {} ({})", auth.name, found.profile.name, found.reason)
        return True


def _is_open(auth: CoreAuth) -> bool:
    """Whether nothing has been said of its profile, not even that it has none."""
    return not auth.profile_reason
