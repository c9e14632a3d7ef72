"""How a provider is addressed: its headers, by wire, and what of the client's and the upstream's may pass.

Nothing of the client passes that is not listed: never its key, its Host, or what a proxy added. A Codex client
talking to a Responses upstream stays one: what it says of itself passes up, and what the upstream says to Codex
passes down. Relays that serve Codex only know it by these (sub2api#4694, claude-relay-service's
``codexCliValidator``, 2026-11); others rewrite the requests of whoever is not Codex. No other client gets a disguise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from daemon import __version__
from daemon.snapshot.core_auths import CoreAuth

USER_AGENT = f"tppcd/{__version__}"

CODEX_HEADERS = frozenset(
    {
        "openai-beta",
        "originator",
        "session-id",
        "session_id",
        "conversation-id",
        "conversation_id",
        "thread-id",
        "x-client-request-id",
        "x-codex-beta-features",
        "x-codex-turn-metadata",
        "x-codex-turn-state",
        "x-openai-internal-codex-responses-lite",
        "x-openai-subagent",
    }
)
ANTHROPIC_HEADERS = frozenset({"anthropic-version", "anthropic-beta"})
ANTHROPIC_VERSION = "2023-06-01"

TURN_STATE: Final = "x-codex-turn-state"
"""Where the turn is served: a token of the upstream's that only it can read."""

_CODEX: Final = re.compile(r"codex\b|codex[_-]", re.IGNORECASE)
"""``codex_cli_rs/0.171.0 (…)``, ``codex_exec/…``, ``codex-tui/…``, ``Codex Desktop/…``; the same as ``originator``."""
_OF_CODEX: Final = ("x-codex-",)
_FOR_CODEX: Final = ("x-codex-", "x-ratelimit-", "x-models-etag")
_MOST_PASSED: Final = 64
"""Headers of one answer that are passed down."""


def upstream_headers(
    auth: CoreAuth, client: Mapping[str, str], *, same_wire: bool, session: str = "", turn_state: bool = True
) -> dict[str, str]:
    """Headers of the upstream request. ``client`` has lower-case names; ``same_wire`` = passed through; ``session``
    names the conversation toward a Responses upstream; ``turn_state``: whether the client's is this upstream's."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }
    if auth.wire == "messages":
        headers["anthropic-version"] = ANTHROPIC_VERSION
    if session:
        headers["session-id"] = session
    if same_wire:
        passed = ANTHROPIC_HEADERS if auth.wire == "messages" else CODEX_HEADERS
        headers.update((name, client[name]) for name in passed & client.keys() if _fits(client[name]))
        if auth.wire == "responses" and is_codex(client):
            said = ((name, client[name]) for name in client if name == "user-agent" or name.startswith(_OF_CODEX))
            headers.update((name, value) for name, value in said if _fits(value))
        if not turn_state:
            headers.pop(TURN_STATE, None)
    if key := auth.api_key.reveal():
        headers |= {"x-api-key": key} if auth.wire == "messages" else {"authorization": f"Bearer {key}"}
    for name, value in auth.headers:
        _set(headers, name.lower(), value, client)
    return headers


def is_codex(client: Mapping[str, str]) -> bool:
    """Whether the client says that it is Codex."""
    return any(_CODEX.match(client.get(name, "")) for name in ("originator", "user-agent"))


def passed_down(upstream: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What of a Responses upstream's answer headers a client of the same wire gets: limits, catalog, turn state."""
    passed = [(name, value) for name, value in upstream.items() if name.startswith(_FOR_CODEX)]
    return tuple(passed[:_MOST_PASSED])


def _fits(value: str) -> bool:
    """Whether a client's header may stand in ours: visible ASCII."""
    return value.isascii() and value.isprintable()


def _set(headers: dict[str, str], name: str, value: str, client: Mapping[str, str]) -> None:
    """A configured header; ``$Name`` copies the client's, and is left out when the client sent none."""
    if not value.startswith("$"):
        headers[name] = value
    elif (copied := client.get(value[1:].lower())) is not None:
        headers[name] = copied
