"""Profiles: what makes of upstream demand beyond their wire, as a table, and which one an entry has.

A profile is chosen by ``profile:``, by the block (``packycode``), or by the base URL (``profile_of``);
the rules of config.yaml read the names and wires from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

NONE: Final = "none"
"""Switches recognition off."""

CONFIGURED: Final = "configured"
SWITCHED_OFF: Final = "switched off"
OF_PACKYCODE: Final = "default of packycode"


class Profile(Struct, frozen=True, kw_only=True):
    """One make of upstream. ``hosts`` are host names, each with all names below it; ``paths`` are whole steps of
    a base URL's path, on any host; ``wires`` are the values of ``wire-api`` that it is for. ``unsupported``
    parameters are left out from the start and reported as lost. ``normalised``: Responses bodies are put
    into the shape that Codex sends."""

    name: str
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    wires: tuple[str, ...]
    unsupported: tuple[str, ...] = ()
    normalised: bool = False


CODEX_RELAY: Final = Profile(
    name="codex-relay",
    hosts=(
        "packycode.com",
        "packyapi.com",
        "88code.org",
        "88code.ai",
        "yes.vg",
        "duckcoding.com",
        "duckcoding.ai",
        "newcli.com",
        "right.codes",
        "anyrouter.top",
        "aicodewith.com",
    ),
    paths=("/backend-api/codex",),
    wires=("responses",),
    unsupported=(
        "max_output_tokens",
        "temperature",
        "top_p",
        "user",
        "metadata",
        "truncation",
        "prompt_cache_retention",
        "safety_identifier",
    ),
    normalised=True,
)
"""Relays in front of ChatGPT accounts (new-api, sub2api, claude-relay-service and similar ones).

Hosts: each is listed with ``wire_api = "responses"`` in public Codex configurations of 2025 and 2026
(``codex-api.packycode.com/v1``, ``www.packyapi.com/v1``, ``www.88code.org/openai/v1``, ``co.yes.vg/v1``,
``jp.duckcoding.com/v1``, ``code.newcli.com/codex/v1`` = foxcode, ``right.codes/codex/v1``,
``anyrouter.top/v1``, ``api.aicodewith.com/chatgpt/v1``). Path: chatgpt.com itself, and relays that copy it.
Parameters: what the ChatGPT backend refuses ("Unsupported parameter: …"), where the lists of codex-lb,
claude-relay-service, codex2api and CLIProxyAPI agree.
"""

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in (CODEX_RELAY,)}

CHOICES: Final = ("", NONE, *PROFILES)
"""What ``profile:`` may say; empty: recognised."""


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
    path = f"{parts.path}/"
    return next((f"path {known}" for known in profile.paths if f"{known}/" in path), "")
