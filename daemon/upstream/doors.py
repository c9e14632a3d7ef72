"""How a provider is addressed: its headers, by wire, and what of the client's may pass.

Nothing of the client passes that is not listed: never its key, its Host, or what a proxy added. A
Codex client talking to a Responses upstream keeps the headers that the protocol itself defines.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def upstream_headers(auth: CoreAuth, client: Mapping[str, str], *, same_wire: bool) -> dict[str, str]:
    """Headers of the upstream request. ``client`` has lower-case names; ``same_wire`` = passed through."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }
    if auth.wire == "messages":
        headers["anthropic-version"] = ANTHROPIC_VERSION
    if same_wire:
        passed = ANTHROPIC_HEADERS if auth.wire == "messages" else CODEX_HEADERS
        headers.update((name, client[name]) for name in passed & client.keys())
    if key := auth.api_key.reveal():
        headers |= {"x-api-key": key} if auth.wire == "messages" else {"authorization": f"Bearer {key}"}
    for name, value in auth.headers:
        _set(headers, name.lower(), value, client)
    return headers


def _set(headers: dict[str, str], name: str, value: str, client: Mapping[str, str]) -> None:
    """A configured header; ``$Name`` copies the client's, and is left out when the client sent none."""
    if not value.startswith("$"):
        headers[name] = value
    elif (copied := client.get(value[1:].lower())) is not None:
        headers[name] = copied
