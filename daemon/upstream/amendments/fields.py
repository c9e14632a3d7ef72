"""The rule of every wire about a field inside messages, items or tools that is refused by its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from daemon.errors import RemoteError
from daemon.upstream.amendments.rule import AmendmentRule, Sentences, matches
from daemon.wires.failures.own_words import InRequest, is_own
from daemon.wires.nested_fields import ANYWHERE, may_leave_out, without_field
from daemon.wires.table import WIRES

FIELD: Final = "leave out field"

RULES: Final[tuple[AmendmentRule, ...]] = (AmendmentRule(name=FIELD, wires=frozenset(WIRES), change=without_field),)

_PATH: Final = (
    r"((?:messages|tools|input|system|functions|thinking|output_config|tool_choice|metadata|\*)"
    r"(?:\.?\[?\.?\d+\]?)?(?:[.\[][\w$-]+\]?){0,24})"
)
_NAME: Final = r"['\"`\\]{0,4}([\w$-]{1,64})['\"`\\]{0,4}"
_AS_NAME: Final = r"(?=['\"`\\]|[^\W_]{0,64}_)"
"""A name, and no word as in "does not support audio input", "reasoning is not supported"."""
_UNKNOWN: Final = r"(?:unsupported|unknown|unrecognized|unexpected|invalid|extra|additional)"

_WHOLE: Final = Sentences(
    rf"{_PATH}['\"`]?:? (?:extra (?:inputs|fields) (?:are )?not permitted|unexpected "
    rf"(?:field|property)|unknown field\b)",
    rf"{_UNKNOWN} (?:parameter|field|property|argument|key|name)s?:? ['\"`]?{_PATH}",
    rf"extra inputs are not permitted, field: ['\"`]?{_PATH}",  # Fireworks
    rf"invalid value for ['\"`]{_PATH}",  # experiential#685
    rf"property ['\"`]?{_PATH}['\"`]? is (?:not supported|unsupported|not allowed)",  # Cerebras
    rf"{_PATH}['\"`]? (?:is|are) (?:not (?:supported|allowed|permitted)|unsupported|unknown|unexpected)",
)
"""The whole path."""
_PLACE_THEN_NAME: Final = Sentences(
    # Groq
    rf"{_PATH}['\"`]? ?: (?:for ['\"`]?role:[^\n]{{0,90}})?property {_NAME} is "
    rf"(?:not supported|unsupported|not allowed)",
    rf"{_PATH}['\"`]?: unknown field {_NAME}",  # serde
    rf"{_PATH}['\"`]?: (?:additional|unexpected|unknown) (?:property|key) {_NAME}",
)
_NAME_THEN_PLACE: Final = Sentences(
    rf"unknown name {_NAME} at ['\"`\\]*{_PATH}",  # Gemini
    rf"\({_NAME}(?:, [^)]{{1,80}})? (?:was|were) unexpected\) ?[-:]? ?['\"`]?{_PATH}",  # OpenAI of 2024, DashScope
    rf"property {_NAME} is (?:not supported|unsupported|not allowed)[^\n]{{0,40}}(?:in|at) ['\"`]?{_PATH}",
)
_LOCATION: Final = re.compile(
    r"extra_forbidden[^\n]{0,40}?loc['\"\\]*: ?[\[(]((?:['\"\\]*[\w$-]+['\"\\]*(?:, ?)?){2,10})[\])]", re.IGNORECASE
)
"""pydantic's own list, where nobody has made a sentence of it (Mistral, vLLM)."""
_ALONE: Final = Sentences(
    rf"unknown field {_NAME}",  # Go, serde
    rf"property {_NAME} is (?:unsupported|not supported|not allowed)",
    rf"\({_NAME} was unexpected\)",
    rf"{_UNKNOWN} (?:parameter|field|property|argument)s?:? {_NAME}",
    rf"unknown name {_NAME}",
    rf"(?:(?:does not|doesn't|not) (?:support|accept)|remove) (?:the )?"
    rf"(?:(?:field|parameter|property) |{_AS_NAME}){_NAME}",
    rf"{_AS_NAME}{_NAME}(?: field)? (?:is|are) (?:not |un)(?:supported|allowed|permitted)",
    r"\bcache_control(?:\.ephemeral)?\.(ttl|scope)\b.{0,40} not (?:permitted|supported|allowed)",  # litellm-docs#1078
)
"""A name without a place: some are known to stand inside messages and tools."""
_INSIDE: Final = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "refusal", "annotations", "audio", "function_call", "name"}
    | {"strict", "cache_control", "scope", "ttl", "defer_loading", "eager_input_streaming", "input_examples"}
    | {"index", "parsed", "prefix", "extra_content"}
)
_NO_SUCH_FIELD: Final = Sentences(rf"(?:unknown|unexpected|unrecognized) field:? {_NAME}")
"""The same in words that are about no value, so that the name may be any. (serde: DeepSeek, llama.cpp)"""
_NUMBERS: Final = re.compile(r"\.?\[?\.?\b\d+\]?(?=[.\[]|$)")
_UNKNOWN_CODE: Final = re.compile(r"un(?:known|supported|recognized)_(?:parameter|value|field)")
_STEP: Final = re.compile(r"[\w$-]+")


def refused_places(error: RemoteError, text: str, in_request: InRequest) -> Iterator[str]:
    """The places of a field that ``error`` refuses in ``text``, as ``nested_fields`` has them; the likeliest first."""
    for match, path in _paths(text):
        place = _NUMBERS.sub("", path).replace("[", ".").replace("]", "").strip(".")
        if may_leave_out(place) and is_own(match, in_request):
            yield place
    if (
        error.param
        and error.code
        and _UNKNOWN_CODE.match(error.code)
        and may_leave_out(place := _NUMBERS.sub("", error.param))
    ):
        yield place


def _paths(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """(the sentence, the path in it)."""
    for match in matches(_WHOLE, text):
        yield match, match[1]
    for match in matches(_PLACE_THEN_NAME, text):
        yield match, f"{match[1]}.{match[2]}"
    for match in matches(_NAME_THEN_PLACE, text):
        yield match, f"{match[2]}.{match[1]}"
    for match in _LOCATION.finditer(text):
        yield match, ".".join(step for step in _STEP.findall(match[1]) if step != "body")
    for match in matches(_ALONE, text):
        if match[1] in _INSIDE:
            yield match, f"{ANYWHERE}.{match[1]}"
    for match in matches(_NO_SUCH_FIELD, text):
        yield match, f"{ANYWHERE}.{match[1]}"
