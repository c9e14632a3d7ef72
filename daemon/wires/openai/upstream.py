"""How upstreams of OpenAI's two wires are addressed: the key, and which of Codex' headers pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TURN_STATE: Final = "x-codex-turn-state"
"""Where the turn is served: a token of the upstream's that only it can read."""

CODEX_HEADERS: Final = frozenset(
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
        TURN_STATE,
        "x-openai-internal-codex-responses-lite",
        "x-openai-subagent",
    }
)


def key_headers(key: str) -> dict[str, str]:
    """``key`` as these upstreams want it."""
    return {"authorization": f"Bearer {key}"}


def passed_up(client: Mapping[str, str]) -> dict[str, str]:
    """Those of the client's headers that go along."""
    return {name: client[name] for name in CODEX_HEADERS & client.keys()}
