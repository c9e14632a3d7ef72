"""Reasoning that a server sends as it is, and wants back so: ``content`` of a reasoning item, in parts
``reasoning_text``.

DeepSeek, MiMo and MiniMax have no ``encrypted_content``: "The `reasoning_text` in the thinking mode must be passed
back" (bifrost#7320, sub2api#7283, 2026). In the hub such reasoning is signed with the name of its part. Where the
block's text is the summary, the signature holds the reasoning itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from daemon.inference.blocks import Reasoning
from daemon.wires.json import NOT_JSON, encode
from daemon.wires.openai_responses.schema import PlainReasoning

REASONING_TEXT: Final = "reasoning_text"

_HEAD: Final = '{"reasoning_text":'


class _Hidden(Struct):
    reasoning_text: list[str]


_hidden = msgspec.json.Decoder(_Hidden).decode


def hidden_reasoning(texts: Sequence[str]) -> str | None:
    """The signature of a block whose text is only the summary of ``texts``; None where there are none."""
    return encode(_Hidden(list(texts))).decode() if texts else None


def plain_content(reasoning: Reasoning) -> list[PlainReasoning] | None:
    """What goes back in ``content``; None for reasoning that is encrypted."""
    signature = reasoning.signature or ""
    if signature == REASONING_TEXT:
        return [PlainReasoning(part) for part in reasoning.parts]
    if not signature.startswith(_HEAD):
        return None
    try:
        return [PlainReasoning(text) for text in _hidden(signature).reasoning_text]
    except NOT_JSON:
        return None
