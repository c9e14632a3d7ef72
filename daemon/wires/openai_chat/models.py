"""What OpenAI's own models want otherwise than all the servers that speak this wire too.

A name decides: compatible servers take the parameters that OpenAI's older models take, and refuse, or
never heard of, what OpenAI added since.
"""

from __future__ import annotations

import re

_OPENAI = re.compile(r"gpt-\d|chatgpt|codex|o\d(?!\w)")
_REASONING = re.compile(r"(gpt-5|gpt-[6-9]|codex|o\d(?!\w))(?!.*-chat)")
_SEARCHING = re.compile(r".*-search(-|$)")

CALL_ID_LIMIT = 40
"""OpenAI: "string too long. Expected a string with maximum length 40" for tool call ids on this wire."""

NAME_LIMIT = 64
"""The longest tool name."""

STOP_LIMIT = 4
"""OpenAI: "Up to 4 sequences where the API will stop"."""


def is_openai(model: str) -> bool:
    """Whether the name is one of OpenAI's, at whatever host."""
    return _OPENAI.match(_bare(model)) is not None


def reasons(model: str) -> bool:
    """Whether it is a reasoning model of OpenAI's: these know effort and verbosity, and refuse max_tokens."""
    return _REASONING.match(_bare(model)) is not None


def searches(model: str) -> bool:
    """Whether it is a search model, which alone knows ``web_search_options``."""
    return is_openai(model) and _SEARCHING.match(model) is not None


def _bare(model: str) -> str:
    return model.rsplit("/", 1)[-1]
