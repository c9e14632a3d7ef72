"""What upstreams say of a prompt that does not fit, and which numbers they tell.

Servers word it differently, and only some have a code for it. The words are those of OpenAI, Anthropic,
vLLM, llama.cpp, LM Studio, Mistral, xAI, Gemini, Kimi, Copilot and DashScope (2026-11).
"""

from __future__ import annotations

import re

_TOLD = re.compile(
    r"prompt is too long"
    r"|exceeds? (?:the |this model's )?(?:context (?:window|limit)|available context size)"
    r"|context window exceeds limit"
    r"|maximum (?:context|prompt|model) length"
    r"|(?:greater|longer) than the context length"
    r"|exceed(?:s|ed) (?:the maximum number of tokens allowed|model token limit)"
    r"|prompt token count of [\d,]+ exceeds"
    r"|range of input length should be",
    re.I,
)

_NUMBER = r"([\d,]{3,})"
_PAIR = re.compile(r"([\d,]+)\s*tokens?\s*>\s*([\d,]+)")
_LIMITS = tuple(
    re.compile(words.replace("N", _NUMBER), re.I)
    for words in (
        r"maximum (?:context|prompt|model) length(?: is| of)?\D{0,24}N",
        r"N maximum context length",
        r"context (?:window|limit|size)(?: is| of| size)?\D{0,24}N",
        r"context length of\D{0,12}N",
        r"exceeded model token limit\D{0,4}N",
        r"maximum number of tokens allowed\D{0,4}N",
        r"exceeds the limit of N",
        r"input length should be \[\d+, ?N",
    )
)
_ASKED = tuple(
    re.compile(words.replace("N", _NUMBER.replace("3", "2")), re.I)
    for words in (
        r"(?:resulted in|requested(?: about)?|you provided|(?:prompt|request) contains)\D{0,24}N",
        r"(?:input|request) (?:has|is|of)\D{0,24}N",
        r"(?:request|prompt|input token count)\D{0,4}\((?:length )?N",
        r"prompt token count of N",
    )
)


def speaks_of_context_length(message: str) -> bool:
    """Whether an upstream's message says that the prompt does not fit."""
    return _TOLD.search(message) is not None


def context_numbers(message: str) -> tuple[int | None, int | None]:
    """(tokens of the prompt, the model's limit), as far as the message says them."""
    if pair := _PAIR.search(message):
        return _integer(pair[1]), _integer(pair[2])
    return _first(_ASKED, message), _first(_LIMITS, message)


def _first(patterns: tuple[re.Pattern[str], ...], message: str) -> int | None:
    found = (pattern.search(message) for pattern in patterns)
    return next((_integer(match[1]) for match in found if match), None)


def _integer(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() and len(digits) < 16 else None
