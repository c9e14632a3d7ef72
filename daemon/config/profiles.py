"""Which profile an upstream has: by ``profile:``, by the block (``packycode``), by the host or path of the base URL,
by who owns its models, and after a refusal by its ``server`` header.

The rules of config.yaml read the names and wires from here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from daemon.config.makes import TABLE
from daemon.config.profile import Profile

NONE: Final = "none"
"""Switches recognition off."""

CONFIGURED: Final = "configured"
SWITCHED_OFF: Final = "switched off"
OF_PACKYCODE: Final = "default of packycode"

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in TABLE}

CHOICES: Final = ("", NONE, *PROFILES)
"""What ``profile:`` may say; empty: recognised."""

_HOSTS: Final = {host: profile for profile in TABLE for host in profile.hosts}
_OWNERS: Final = {owner: profile for profile in TABLE for owner in profile.owners}

MOST_SERVER: Final = 200
"""Characters of a ``server`` header that are looked at."""


def profile_of(configured: str, *, is_packycode: bool, base_url: str, wire: str) -> tuple[Profile | None, str]:
    """The profile with the reason for it (``host packycode.com``); None for an upstream without one.

    ``configured`` is the value of ``profile:``, a name that the rules of config.yaml let through.
    """
    if configured == NONE:
        return None, SWITCHED_OFF
    if configured:
        return PROFILES[configured], CONFIGURED
    if is_packycode:
        return PROFILES["codex-relay"], OF_PACKYCODE
    return _recognised(base_url, wire)


def _recognised(base_url: str, wire: str) -> tuple[Profile | None, str]:
    """By the host, or by whole steps of the path."""
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:
        return None, ""
    host = (parts.hostname or "").rstrip(".")
    while host:
        profile = _HOSTS.get(host)
        if profile is not None and wire in profile.wires:
            return profile, f"host {host}"
        _, _, host = host.partition(".")
    path = f"{parts.path}/"
    for profile in TABLE:
        if wire in profile.wires and (known := next((each for each in profile.paths if f"{each}/" in path), "")):
            return profile, f"path {known}"
    return None, ""


def owned_profile(owners: Collection[str], wire: str) -> tuple[Profile | None, str]:
    """The profile of an upstream all of whose models have these owners: a relay that lists the models of several makes
    is none of them."""
    makes = {_OWNERS[owner].name if owner in _OWNERS else "" for owner in owners}
    if len(makes) != 1 or not (name := makes.pop()) or wire not in PROFILES[name].wires:
        return None, ""
    return PROFILES[name], f"owned_by {min(owners)}"


def server_profile(header: str, wire: str) -> tuple[Profile | None, str]:
    """The profile of an upstream with this ``server`` header. It may be that of anything in front of the upstream, so
    it is looked at only after a refusal."""
    words = {word.partition("/")[0] for word in header[:MOST_SERVER].lower().split()}
    for profile in TABLE:
        if wire in profile.wires and (word := next((each for each in profile.servers if each in words), "")):
            return profile, f"server {word}"
    return None, ""
