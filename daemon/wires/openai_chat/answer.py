"""What whole answers and streams of an upstream share: words for the end, counts, sources."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Citation
from daemon.inference.response import FinishReason, Usage
from daemon.wires.json import NOT_JSON, LenientDecoder
from daemon.wires.openai_chat.schema import WIRE_NAME, Annotation, AnswerPart, CompletionUsage, Delta

_FINISH: Mapping[str, FinishReason] = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}
"""``model_length`` is Mistral's, ``sensitive`` Zhipu's word. For any other, the content says what it was:
OpenAI itself ends a forced call with ``stop``, Ollama ends every call so."""

_FAILURES: Mapping[str, ErrorKind] = {
    "error": ErrorKind.API,
    "network_error": ErrorKind.API,
    "abort": ErrorKind.API,
    "insufficient_system_resource": ErrorKind.OVERLOADED,
}
"""Reasons that mean that the answer was broken off (OpenRouter, Zhipu, vLLM, DeepSeek)."""

_usage = LenientDecoder(CompletionUsage)
_annotation = LenientDecoder(Annotation)


def finish_reason(word: str, *, called: bool, refused: bool) -> FinishReason:
    """The hub's word, which never contradicts what came: a call is a call and a refusal a refusal."""
    told = _FINISH.get(word.lower())  # Gemini's relays write MAX_TOKENS
    if told is not None:
        return told
    if called:
        return FinishReason.TOOL_CALLS
    return FinishReason.REFUSAL if refused else FinishReason.STOP


def broken_off(word: str) -> RemoteError | None:
    """The failure that a finish reason tells, if it tells one."""
    kind = _FAILURES.get(word.lower())
    return None if kind is None else RemoteError(kind, f"the upstream broke its answer off (finish_reason {word})")


def usage_from(raw: Raw) -> Usage | None:
    """Odd counts are no reason to lose an answer: they count as not said."""
    try:
        said = _usage.decode(raw)
    except NOT_JSON:
        return None
    given, made = said.prompt_tokens_details, said.completion_tokens_details
    cached = given.cached_tokens if given else None
    for elsewhere in (said.cached_tokens, said.prompt_cache_hit_tokens):
        cached = elsewhere if cached is None else cached
    if said.prompt_tokens is None and said.completion_tokens is None:
        return None
    return Usage(
        input_tokens=said.prompt_tokens,
        output_tokens=said.completion_tokens,
        cached_tokens=cached,
        cache_write_tokens=given.cache_write_tokens if given else None,
        reasoning_tokens=made.reasoning_tokens if made else None,
    )


def citation_from(raw: Raw) -> Citation | None:
    """An annotation of any type; None for what is no object."""
    raw = Raw(bytes(raw))
    try:
        source = _annotation.decode(raw).url_citation
    except NOT_JSON:
        return None
    if source is None:
        return Citation(wire=WIRE_NAME, raw=raw)
    return Citation(
        url=source.url, title=source.title, start=source.start_index, end=source.end_index, wire=WIRE_NAME, raw=raw
    )


def reasoning_of(delta: Delta) -> tuple[str, str]:
    """(field, text) of the thinking in ``delta``, in whichever field; some servers send both, with one text."""
    if delta.reasoning_content:
        return "reasoning_content", delta.reasoning_content
    if isinstance(delta.reasoning, str):
        return "reasoning", delta.reasoning
    return "", ""


def thinking_of(part: AnswerPart) -> str:
    """Mistral's thinking, which is text or a list of text parts."""
    thinking = part.thinking
    if isinstance(thinking, list):
        return "".join(inner.text or "" for inner in thinking)
    return thinking or ""
