"""``messages``: Anthropic's Messages API, or a server that copies it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.upstream.adapters.base import AdapterType
from daemon.wires.anthropic_messages import WIRE

HEADERS: Final = frozenset({"anthropic-version", "anthropic-beta"})
"""Those of the client's that go along; its version replaces the wire's own."""


def passed_up(client: Mapping[str, str]) -> dict[str, str]:
    """Those of the client's headers that go along."""
    return {name: client[name] for name in HEADERS & client.keys()}


MESSAGES: Final = AdapterType(type="messages", wire=WIRE, passed_up=passed_up)
