"""Which profile an entry has, and why: the one it names, packycode's, or that of its base URL."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from daemon.config.profiles import CODEX_RELAY, NONE, PROFILES, Profile

__all__ = ["PROFILES", "Profile", "profile_of"]

CONFIGURED: Final = "configured"
SWITCHED_OFF: Final = "switched off"
OF_PACKYCODE: Final = "default of packycode"


def profile_of(configured: str, *, is_packycode: bool, base_url: str, wire: str) -> tuple[Profile | None, str]:
    """The profile with the reason for it (``host packycode.com``); None for an upstream without one.

    ``configured`` is the value of ``profile:``, a name that the rules of config.yaml let through.
    """
    if configured == NONE:
        return None, SWITCHED_OFF
    if configured:
        return PROFILES[configured], CONFIGURED
    if is_packycode:
        return CODEX_RELAY, OF_PACKYCODE
    for profile in PROFILES.values():
        if wire in profile.wires and (reason := recognised_by(profile, base_url)):
            return profile, reason
    return None, ""


def recognised_by(profile: Profile, base_url: str) -> str:
    """``host …`` or ``path …``; empty where the URL is of another make."""
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:
        return ""
    host = (parts.hostname or "").rstrip(".")
    for known in profile.hosts:
        if host == known or host.endswith(f".{known}"):
            return f"host {known}"
    return next((f"path {known}" for known in profile.paths if f"{known}/" in f"{parts.path}/"), "")
