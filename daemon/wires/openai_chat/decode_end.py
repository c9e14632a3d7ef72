"""What ends an answer of a Chat Completions upstream: the word for why, and the counts."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.response import FinishReason, Usage
from daemon.wires.json import NOT_JSON, LenientDecoder
from daemon.wires.openai_chat.schema import CompletionUsage

_FINISH: Mapping[str, FinishReason] = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "max_output_tokens": FinishReason.LENGTH,
    "max_length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.CONTEXT_WINDOW,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "recitation": FinishReason.CONTENT_FILTER,
    "blocklist": FinishReason.CONTENT_FILTER,
    "prohibited_content": FinishReason.CONTENT_FILTER,
    "spii": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}
"""``model_length`` is Mistral's, ``sensitive`` Zhipu's word; ``MAX_TOKENS``, ``SAFETY`` and those after it are
Gemini's. For any other, the content says what it was: OpenAI itself ends a forced call with ``stop``, Ollama
ends every call so. A later word of these counts more than an earlier ``stop``."""

UNSAID = frozenset({"", "null", "none"})
"""Words of servers that write one into every chunk, in small letters."""

_FAILURES: Mapping[str, ErrorKind] = {
    "error": ErrorKind.API,
    "network_error": ErrorKind.API,
    "abort": ErrorKind.API,
    "insufficient_system_resource": ErrorKind.OVERLOADED,
}
"""Reasons that mean that the answer was broken off (OpenRouter, Zhipu, vLLM, DeepSeek)."""

_usage = LenientDecoder(CompletionUsage)


def says_why(word: str) -> bool:
    """Whether a finish reason says more than that the answer has ended."""
    return word.lower() in _FINISH


def finish_reason(word: str, *, called: bool, refused: bool) -> FinishReason:
    """The hub's word, which never contradicts what came: a call is a call and a refusal a refusal."""
    finish = _FINISH.get(word.lower())  # Gemini's relays write MAX_TOKENS
    if finish is not None:
        return finish
    if called:
        return FinishReason.TOOL_CALLS
    return FinishReason.REFUSAL if refused else FinishReason.STOP


def broken_off(word: str) -> RemoteError | None:
    """The failure that a finish reason stands for, if it does."""
    kind = _FAILURES.get(word.lower())
    if kind is None:
        return None
    return RemoteError(kind, f"the upstream aborted its answer (finish_reason {word})", reason="error_event")


def usage_from(raw: Raw) -> Usage | None:
    """Odd counts are no reason to lose an answer: they count as not said."""
    try:
        counts = _usage.decode(raw)
    except NOT_JSON:
        return None
    input_details, output_details = counts.prompt_tokens_details, counts.completion_tokens_details
    cached = input_details.cached_tokens if input_details else None
    for elsewhere in (counts.cached_tokens, counts.prompt_cache_hit_tokens):
        cached = elsewhere if cached is None else cached
    if counts.prompt_tokens is None and counts.completion_tokens is None:
        return None
    return Usage(
        input_tokens=counts.prompt_tokens,
        output_tokens=counts.completion_tokens,
        cached_tokens=cached,
        cache_write_tokens=input_details.cache_write_tokens if input_details else None,
        reasoning_tokens=output_details.reasoning_tokens if output_details else None,
    )
