"""An answer as it grows: what a stream decoder emits and a stream encoder takes.

Invariants, kept by every decoder and relied on by every encoder:
1. ``MessageStart`` comes first and once.
2. Block indexes rise from 0 by 1 and are never reused. Several blocks may be open at once
   (parallel calls interleave on OpenAI wires); an encoder that cannot do that holds back.
3. A tool call starts only when its name is known. A delta names an open block. Deltas are never empty.
4. Exactly one terminal event, ``Finish`` or ``StreamError``, comes last. Before ``Finish`` every
   block has its ``BlockEnd``. ``StreamError`` may find blocks open.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from daemon.errors import GatewayError
from daemon.inference.blocks import Citation, HostedCall, Opaque
from daemon.inference.response import FinishReason, Usage

BlockKind = Literal["text", "refusal", "reasoning", "tool_call", "custom_tool_call", "hosted", "opaque"]


class MessageStart(Struct, frozen=True, gc=False):
    """The answer begins."""

    id: str
    model: str
    usage: Usage | None = None
    """What an Anthropic upstream says at the start; final numbers come with ``Finish``."""


class BlockStart(Struct, frozen=True, gc=False):
    """``id``, ``name``, ``namespace`` belong to tool calls (``id`` is the call id); ``item_id`` is
    the Responses item id where there is one."""

    index: int
    kind: BlockKind
    id: str | None = None
    name: str | None = None
    namespace: str | None = None
    item_id: str | None = None


class BlockDelta(Struct, frozen=True, gc=False):
    """More text, refusal, thinking, argument JSON or custom-tool input, by the block's kind."""

    index: int
    text: str


class PartBreak(Struct, frozen=True, gc=False):
    """A new summary part begins in an open reasoning block (rendered as a blank line)."""

    index: int


class Cited(Struct, frozen=True, gc=False):
    """A source of the text block ``index``."""

    index: int
    citation: Citation


class BlockEnd(Struct, frozen=True, gc=False):
    """``signature`` closes a reasoning block, ``redacted`` marks one that has nothing else;
    ``hosted``/``opaque`` is the whole item of such a block."""

    index: int
    signature: str | None = None
    redacted: bool = False
    hosted: HostedCall | None = None
    opaque: Opaque | None = None


class Finish(Struct, frozen=True, gc=False):
    """The good end; nothing comes after it."""

    reason: FinishReason
    usage: Usage | None = None
    stop_sequence: str | None = None
    service_tier: str | None = None


class StreamError(Struct, frozen=True, gc=False):
    """The stream failed: an error event of the upstream, a cut, or an end without a terminal event."""

    error: GatewayError


OBJECT: Final = 256
"""Bytes that something small is counted with when it is kept, beside its text."""


def room_of(text: str) -> int:
    """Bytes that it takes: a single character beyond ASCII makes all of them wider."""
    return len(text) if text.isascii() else 4 * len(text)


def size_of(event: Event) -> int:
    """Bytes that an event of a block takes while it is kept."""
    match event:
        case BlockDelta():
            return OBJECT + room_of(event.text)
        case Cited():
            return 4 * OBJECT + len(bytes(event.citation.raw or b""))
        case BlockEnd():
            parts = (event.hosted and event.hosted.raw, event.opaque and event.opaque.raw)
            return OBJECT + len(event.signature or "") + sum(len(bytes(part)) for part in parts if part)
        case _:
            return OBJECT


Event = MessageStart | BlockStart | BlockDelta | PartBreak | Cited | BlockEnd | Finish | StreamError
