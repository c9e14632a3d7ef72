"""Every wire by its name, as config.yaml's ``wire-api`` spells it."""

from __future__ import annotations

from daemon.wires import anthropic_messages, openai_chat, openai_responses
from daemon.wires.base import Wire

WIRES: dict[str, Wire] = {
    wire.name: wire for wire in (anthropic_messages.WIRE, openai_chat.WIRE, openai_responses.WIRE)
}
