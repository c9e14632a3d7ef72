"""The whole answer, and the words for how it ended and what it used."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from daemon.inference.blocks import Block


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    STOP_SEQUENCE = "stop_sequence"
    PAUSE = "pause"
    CONTEXT_WINDOW = "context_window"


class Usage(Struct, frozen=True, kw_only=True):
    """Token counts. ``input_tokens`` is everything the model read, cached parts included (OpenAI's
    way; Anthropic's three counters add up to it). ``None`` = the upstream did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer: what ``collect`` makes of a stream's events."""

    id: str
    model: str
    content: tuple[Block, ...]
    finish: FinishReason
    usage: Usage | None = None
    stop_sequence: str | None = None
    service_tier: str | None = None
