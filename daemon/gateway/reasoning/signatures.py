"""Reasoning signatures are tied to the core auth whose upstream made them.

Encrypted reasoning is readable only by the upstream that encrypted it, and another one refuses the
whole request because of it. So on its way to the client a signature is sealed with the core auth's
short hash, and on its way back it is opened for that core auth alone; for any other, the reasoning
block is dropped. A signature without a seal is of unknown origin and is dropped as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from daemon.inference.blocks import Block, Reasoning
from daemon.inference.events import BlockEnd, Event
from daemon.inference.request import Message, Request
from daemon.wires.losses import EARLIER_REASONING, reasoning_of

PREFIX = "tppcd1."

MOST_NAMED: Final = 8
"""Messages that are named one by one where reasoning stays behind."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of one core auth: its ID gives the tag."""

    tag: str

    @classmethod
    def of(cls, auth_id: str) -> Seal:
        return cls(PREFIX + auth_id.rpartition(":")[2] + ".")

    def close(self, signature: str) -> str:
        return self.tag + signature

    def open(self, signature: str | None) -> str | None:
        """The upstream's own signature, or None when another core auth, or nobody known, made it."""
        if signature is None or not signature.startswith(self.tag):
            return None
        return signature[len(self.tag) :]


def sealed_by(signature: str) -> str:
    """The last part of the ID of the core auth that made a sealed signature."""
    return signature.removeprefix(PREFIX).partition(".")[0]


def seal_events(seal: Seal, events: Sequence[Event]) -> Sequence[Event]:
    """Seal what the upstream signed. The usual batch has nothing to seal and is returned as it is."""
    if not any(type(event) is BlockEnd and event.signature for event in events):
        return events
    return [_seal_event(seal, event) for event in events]


def _seal_event(seal: Seal, event: Event) -> Event:
    if type(event) is not BlockEnd or not event.signature:
        return event
    return replace(event, signature=seal.close(event.signature))


def open_request(seal: Seal | None, request: Request) -> Request:
    """The request with its reasoning opened for one core auth; foreign reasoning is left out. None opens nothing."""
    if not any(isinstance(block, Reasoning) for message in request.messages for block in message.content):
        return request
    opened = (_open_message(seal, message) for message in request.messages)
    return replace(request, messages=tuple(message for message in opened if message.content))


def left_out(seal: Seal | None, request: Request) -> tuple[str, ...]:
    """What ``open_request`` leaves out, by its names: ``EARLIER_REASONING``, and the first messages with reasoning that
    no core auth of ours has made, so that nobody can use it."""
    lost = [
        (number, block)
        for number, message in enumerate(request.messages)
        for block in message.content
        if type(block) is Reasoning and (block.signature or block.text) and _open_block(seal, block) is None
    ]
    of_nobody = dict.fromkeys(number for number, block in lost if not (block.signature or "").startswith(PREFIX))
    return (EARLIER_REASONING, *map(reasoning_of, list(of_nobody)[:MOST_NAMED])) if lost else ()


def _open_message(seal: Seal | None, message: Message) -> Message:
    if not any(isinstance(block, Reasoning) for block in message.content):
        return message
    blocks = (_open_block(seal, block) for block in message.content)
    return replace(message, content=tuple(block for block in blocks if block is not None))


def _open_block(seal: Seal | None, block: Block) -> Block | None:
    if not isinstance(block, Reasoning):
        return block
    signature = None if seal is None else seal.open(block.signature)
    return None if signature is None else replace(block, signature=signature)
