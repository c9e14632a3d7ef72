"""How makes of Chat servers are asked to think, or not to: each has its own word for what OpenAI calls
``reasoning_effort``.

``in_form`` reads that field, as a client or the encoder has written it, and says the same in the form of the make.
What a client says in the make's own words stands. Sources: the rows of ``config/makes/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.effort import BUDGETS
from daemon.wires.json import FALSE, NOT_JSON, NULL, TRUE, encode, object_of

EFFORT: Final = "reasoning_effort"

_BOUNDED: Final = frozenset({"minimal", "low", "medium"})
"""Levels that get a budget, where a make counts tokens; a higher level has no bound."""


def in_form(fields: Fields, form: str) -> Sequence[str]:
    """Says ``reasoning_effort`` in ``form``, a ``ThinkingForm`` of config; names what is lost by it."""
    effort = _effort(fields)
    return FORMS[form](fields, effort) if effort else ()


def _effort(fields: Fields) -> str:
    """The level that the body asks for; '' for none."""
    raw = fields.get(EFFORT, NULL)
    if raw == NULL:
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except NOT_JSON:
        return ""


def _as_it_is(_fields: Fields, _effort: str) -> Sequence[str]:
    return ()


def _thinking(fields: Fields, effort: str) -> Sequence[str]:
    """DeepSeek, Kimi, GLM: the switch stands beside the level."""
    _put(fields, "thinking", {"type": "disabled" if effort == "none" else "enabled"})
    if effort == "none":
        del fields[EFFORT]
    return ()


def _adaptive_thinking(fields: Fields, effort: str) -> Sequence[str]:
    """MiniMax: a switch alone."""
    _put(fields, "thinking", {"type": "disabled" if effort == "none" else "adaptive"})
    del fields[EFFORT]
    return () if effort in ("none", "high") else (EFFORT,)


def _enable_thinking(fields: Fields, effort: str) -> Sequence[str]:
    """Qwen: a switch, and a budget in place of a level."""
    _put(fields, "enable_thinking", effort != "none")
    if effort in _BOUNDED:
        _put(fields, "thinking_budget", BUDGETS[effort])
    del fields[EFFORT]
    return ()


def _template(fields: Fields, effort: str) -> Sequence[str]:
    """vLLM, SGLang, llama.cpp, NIM: variables of the model's template, which ignores those that it does not know. The
    level stays: gpt-oss has that, and no switch."""
    switch = FALSE if effort == "none" else TRUE
    own = object_of(fields.get("chat_template_kwargs"))
    fields["chat_template_kwargs"] = Raw(encode({"enable_thinking": switch, "thinking": switch} | own))
    if effort == "none":
        del fields[EFFORT]
    return ()


def _reasoning(fields: Fields, effort: str) -> Sequence[str]:
    """OpenRouter: one object for all."""
    _put(fields, "reasoning", {"enabled": False} if effort == "none" else {"effort": effort})
    del fields[EFFORT]
    return ()


def _put(fields: Fields, name: str, value: object) -> None:
    if fields.get(name, NULL) == NULL:
        fields[name] = Raw(encode(value))


FORMS: Final[Mapping[str, Callable[[Fields, str], Sequence[str]]]] = {
    "reasoning_effort": _as_it_is,
    "thinking": _thinking,
    "adaptive thinking": _adaptive_thinking,
    "enable_thinking": _enable_thinking,
    "chat_template_kwargs": _template,
    "reasoning": _reasoning,
}
