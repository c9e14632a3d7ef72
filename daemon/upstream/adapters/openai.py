"""``openai``: Chat Completions, of OpenAI itself or of a server that copies it.

Codex uses Chat Completions toward some relays (``wire_api = "chat"``), so the headers by which relays
choose an account and a cache go along here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.upstream.adapters.base import AdapterType
from daemon.wires.openai.parameters import TURN_STATE
from daemon.wires.openai_chat import WIRE

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


def passed_up(client: Mapping[str, str]) -> dict[str, str]:
    """Those of the client's headers that go along."""
    return {name: client[name] for name in CODEX_HEADERS & client.keys()}


OPENAI: Final = AdapterType(type="openai", wire=WIRE, passed_up=passed_up, bound_header=TURN_STATE)
