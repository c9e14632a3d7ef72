"""Prompts that do not fit: in whose words, and with which numbers.

Servers word it differently, and only some have a code for it. Two things are said in nearly the same words: the
prompt alone is too long (the client has to shorten the conversation), or prompt and answer together are (a smaller
``max_tokens`` would do). Which one, the numbers say.

The words are those of OpenAI, Anthropic, Bedrock, Gemini, Mistral, xAI, Kimi, GLM, MiniMax, DashScope, Volcano,
SiliconFlow, Cohere, Copilot, OpenRouter, vLLM, SGLang, TGI, TensorRT-LLM, llama.cpp, Ollama, LM Studio, oMLX, MLX and
transformers (2026-11), and those that Claude Code 2.1.332 looks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_OUTPUT_FIELD: Final = r"max_(?:completion_|output_|new_)?tokens"

_DOES_NOT_FIT: Final = re.compile(
    r"(?:prompt|input)(?: \([\d,]+ tokens\))? (?:is )?too long"
    r"|too long for (?:the )?requested model"
    r"|exceed(?:s|ed|ing)? (?:the |this |its )?(?:model['’]?s? )?(?:max(?:imum)?(?: allowed)? |available |total )?"
    r"(?:context|prompt|input|sequence)[ _-]?(?:token )?(?:window|limit|length|size)\b(?! per )"
    r"|(?:prompt|input|context|tokens?)\b[^.\n]{0,40} exceed(?:s|ed|ing)? (?:the )?max(?:imum)?(?: allowed)? "
    r"(?:message tokens|length\b(?! of \d+ characters))"
    r"|(?:context|prompt|input)[ _-](?:window|length|size)(?: limit)? (?:has been |was |is )?exceed(?:s|ed)"
    r"|maximum (?:context|prompt|model|sequence) length"
    r"|(?:greater|longer|larger) than the (?:model['’]?s )?(?:max(?:imum)? )?context (?:length|window|size)"
    r"|context length (?:is|of) only \d"
    r"|reached context length of \d"
    r"|exceed(?:s|ed)? (?:the maximum number of tokens allowed|model token limit|(?:customer )?model maximum)"
    r"|(?:prompt|token) (?:token )?count (?:of )?\(?[\d,]+\)? exceeds"
    r"|range of input length should be"
    r"|reduce the length of the (?:messages|prompt|input)"
    r"|too large for model with [\d,]+ maximum context"
    r"|total number of tokens (?:in the prompt|\(prompt and prediction\)) cannot exceed"
    r"|`inputs` (?:must have less than|tokens \+ `max_new_tokens` must be)"
    r"|(?:prompt_tokens|max_total_tokens) \([\d,]+\) must be less than"
    r"|prompt length \([\d.,]+\).{0,40}(?:exceeds?|should not exceed|larger than)"
    r"|prompt has [\d,]+ tokens, but"
    r"|max size: [\d,]+ tokens"
    r"|input token length too long|input tokens exceed the configured limit|maximum context limit"
    r"|tokens in request more than max tokens allowed|but model only supports up to|context exceeds your deployment"
    rf"|input length and `?{_OUTPUT_FIELD}`?"
    rf"|{_OUTPUT_FIELD}['\"`]? must be at least 1, got -"  # what is left for the answer, as vLLM has computed it
    r"|(?:输入|上下文|提示词|prompt)[^。,，每]{0,12}(?:过长|超长|超出|超过|超限)(?![^。]{0,12}(?:每分钟|额度|频率))"
    # PyTorch's own, where a model with learned positions is asked beyond the last one (transformers serve 5.24)
    r"|^index out of range in self$",
    re.IGNORECASE,
)


class TokenNumbers(NamedTuple):
    """Tokens of the prompt, those asked for the answer, and the model's limit for both; None where not said."""

    prompt: int | None
    output: int | None
    limit: int | None

    def room(self, estimate: int | None = None) -> int | None:
        """Tokens that the answer may have, where a smaller one would fit. ``estimate``: of the prompt, where the
        upstream has not said it."""
        prompt = estimate if self.prompt is None else self.prompt
        if prompt is None or self.output is None or self.limit is None:
            return None
        return self.limit - prompt if prompt < self.limit < prompt + self.output else None


def does_not_fit(message: str) -> Iterator[re.Match[str]]:
    """The words by which an upstream says that the prompt, alone or with its answer, does not fit."""
    return _DOES_NOT_FIT.finditer(message)


def token_numbers(message: str) -> TokenNumbers:
    """What the message says of tokens."""
    if sum_ := _SUM.search(message):
        return TokenNumbers(_integer(sum_[1]), _integer(sum_[2]), _integer(sum_[3]))
    output, total, limit = (_first(words, message) for words in (_OUTPUT, _TOTAL, _LIMIT))
    if pair := _PAIR.search(message):
        return TokenNumbers(_integer(pair[1]), output, _integer(pair[2]))
    prompt = total - output if total is not None and output is not None else _first(_PROMPT, message)
    return TokenNumbers(total if prompt is None else prompt, output, limit)


_NOT_A_LIMIT: Final = frozenset({2013})
"""MiniMax' code for every wrong parameter, in parentheses behind its words."""


def _numbers(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """``N`` is a number of three digits and more, ``M`` one of two."""
    return tuple(
        re.compile(
            words.replace("N", r"(?<![\d,])([\d,]{3,16})").replace("M", r"(?<![\d,])([\d,]{2,16})"), re.IGNORECASE
        )
        for words in patterns
    )


_SUM: Final = re.compile(r"context limit: ([\d,]{1,16}) \+ ([\d,]{1,16}) > ([\d,]{1,16})", re.IGNORECASE)
_PAIR: Final = re.compile(r"(?<![\d,])([\d,]{1,16})\s{0,3}tokens?\s{0,3}>\s{0,3}([\d,]{1,16})")
_TOTAL: Final = _numbers(r"requested (?:a total of |about )?M tokens", r"requested tokens \(M\)")
_OUTPUT: Final = _numbers(
    rf"{_OUTPUT_FIELD}['\"`]? is too large:? M",
    r"\bM(?: tokens)? (?:in|for|of) the (?:completion|output)",
    r"\bM (?:output|completion) tokens",
    r"\bM `max_new_tokens`",
    rf"{_OUTPUT_FIELD}['\"`]? ?(?:\(|=|:|of) ?M",
)
_PROMPT: Final = _numbers(
    r"\bM (?:tokens )?(?:in|of|from) (?:the |your )?(?:input )?(?:messages|prompt|input)\b",
    r"\bM (?:text )?input tokens",
    r"\bM `inputs`",
    r"(?:resulted in|requested(?: about)?|you provided|(?:prompt|request) contains(?: at least)?)\D{0,24}M",
    r"(?:input|request|prompt)(?: already)? (?:has|is|of)\D{0,24}M",
    r"(?:request|number of tokens|input(?: token count| length)?|prompt(?:[ _]tokens| length)?)\D{0,4}\((?:length )?M",
    r"(?:prompt token count of|input length|too long:|keep the first|n_keep:|received|given:) M",
)
_LIMIT: Final = _numbers(
    r"n_ctx: N",
    r"maximum (?:context|prompt|model|sequence)[ _]?length(?: is| of)?\D{0,24}N",
    r"N maximum context length",
    r"context (?:window|limit|size|length)(?! by )(?: is| of| size)?(?: only)?\D{0,24}N",
    r"exceeded model token limit\D{0,4}N",
    r"maximum number of tokens allowed\D{0,4}N",
    r"max(?:imum)?(?: allowed)? (?:input )?length(?: of)?\D{0,2}N",
    r"(?:exceeds the limit of|cannot exceed|must be <=|must have less than|max size:|limit of) N",
    r"(?:model maximum|max_num_tokens|max_seq_len) \(N",
    r"input length should be \[\d+, ?N",
)


def _first(patterns: tuple[re.Pattern[str], ...], message: str) -> int | None:
    for pattern in patterns:
        for match in pattern.finditer(message):
            number = _integer(match[1])
            if number is not None and number not in _NOT_A_LIMIT:
                return number
    return None


def _integer(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() and len(digits) < 16 else None
