"""A conversation that Anthropic's API has compacted, for other wires.

Its ``compaction`` block is a plain summary, and the API reads nothing that stands before the last of them; clients may
send all of it (``compact-2026-01-12``). One without content has failed, and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daemon.inference.blocks import Block, Opaque, Text
from daemon.inference.request import Message
from daemon.wires.added_text import earlier_summary
from daemon.wires.json import LenientDecoder, type_of


class _Compaction(Struct):
    content: str | None = None


_compaction = LenientDecoder(_Compaction).decode


def from_last_compaction(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation as other models read it: the last summary, as the user's word, and what follows it. The system
    text is not among ``messages``."""
    if not any(_is_compaction(block) for message in messages for block in message.content):
        return tuple(messages)
    kept: list[Message] = []
    for message in messages:
        for part in _parts(message):
            if isinstance(part, str):
                kept = [Message("user", (Text(earlier_summary(part)),))]
            elif part.content or not message.content:
                kept.append(part)
    return tuple(kept)


def _parts(message: Message) -> Iterator[Message | str]:
    """The message, split at its compactions; a string is the summary in one."""
    content: list[Block] = []
    for block in message.content:
        if not _is_compaction(block):
            content.append(block)
            continue
        summary = _summary(block)
        if summary:
            content.clear()
            yield summary
    yield replace(message, content=tuple(content))


def _is_compaction(block: Block) -> bool:
    return type(block) is Opaque and type_of(block.raw) == "compaction"


def _summary(block: Block) -> str:
    try:
        return (isinstance(block, Opaque) and _compaction(block.raw).content) or ""
    except msgspec.DecodeError:
        return ""
