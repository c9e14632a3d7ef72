"""Changes to how a request asks for thinking, on its way to a Messages upstream that knows another form of it or none.

Pure functions over the body's top-level fields, as in ``request_changes``. Each looks first whether the request has
what is to be changed, so that one that was learned from a refusal does nothing to other requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.wires.anthropic_messages.models import UNKNOWN, claude_model
from daemon.wires.anthropic_messages.schema import RawMessageParam
from daemon.wires.anthropic_messages.thinking import budget_of, effort_of
from daemon.wires.base import Fields
from daemon.wires.effort import LEAST_BUDGET, nearest
from daemon.wires.json import NOT_JSON, NULL, RawObject, encode, items_of, object_of, type_of

_FORCED: Final = frozenset({"any", "tool"})
_SWITCHED_ON: Final = frozenset({"enabled", "adaptive"})


class _Thinking(Struct):
    type: str = ""
    budget_tokens: int | None = None


class _Config(Struct):
    effort: str | None = None


_thinking = msgspec.json.Decoder(_Thinking | None)
_config = msgspec.json.Decoder(_Config | None)
_number = msgspec.json.Decoder(int)
_messages = msgspec.json.Decoder(list[RawMessageParam])


# --- form -----------------------------------------------------------------------------------------


def budgeted_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """``adaptive`` becomes ``enabled`` with the budget of its effort, but half of what the answer may have; left out
    where that is too little."""
    if _asked(fields).type != "adaptive":
        return ()
    budget = _within(budget_of(_effort(fields) or "high"), _limit(fields))
    if budget is None:
        return no_thinking(fields)
    fields["thinking"] = Raw(encode({"type": "enabled", "budget_tokens": budget}))
    return ()


def adaptive_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """``enabled`` becomes ``adaptive`` with the effort of its budget."""
    asked = _asked(fields)
    if asked.type != "enabled":
        return ()
    kept = {name: raw for name, raw in object_of(fields["thinking"]).items() if name != "budget_tokens"}
    fields["thinking"] = Raw(encode(kept | {"type": "adaptive"}))
    if asked.budget_tokens and _effort(fields) is None:
        _set_effort(fields, effort_of(asked.budget_tokens))
    return ()


def budget_below_limit(fields: Fields, _: str = "") -> Sequence[str]:
    """The budget fits into ``max_tokens``; thinking is left out where it cannot."""
    asked = _asked(fields)
    limit = _limit(fields)
    if asked.type != "enabled" or not asked.budget_tokens or limit is None or asked.budget_tokens < limit:
        return ()
    budget = _within(asked.budget_tokens, limit)
    if budget is None:
        return no_thinking(fields)
    fields["thinking"] = Raw(encode(object_of(fields["thinking"]) | {"budget_tokens": budget}))
    return ()


def thinking_between_tools(fields: Fields, _: str = "") -> Sequence[str]:
    """The closest to no thinking that Sonnet 5.5 has."""
    if _asked(fields).type == "disabled":
        fields["thinking"] = Raw(b'{"type":"between_tools"}')
    return ()


def thinking_left_on(fields: Fields, _: str = "") -> Sequence[str]:
    """A model that always thinks is not asked to stop."""
    if _asked(fields).type not in ("disabled", "between_tools"):
        return ()
    del fields["thinking"]
    return ("reasoning",)


def no_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """Nothing of thinking is said, nor that earlier thinking is to be cleared, which is refused without it."""
    if _asked(fields).type not in _SWITCHED_ON:
        return ()
    del fields["thinking"]
    _keep_edits(fields)
    return ("reasoning",)


def _keep_edits(fields: Fields) -> None:
    management = object_of(fields.get("context_management"))
    edits = items_of(management["edits"]) if management.get("edits", NULL) != NULL else []
    kept = [edit for edit in edits if not type_of(edit).startswith("clear_thinking")]
    if not kept and edits:
        del fields["context_management"]
    elif len(kept) != len(edits):
        fields["context_management"] = Raw(encode(management | {"edits": kept}))


def with_level(fields: Fields, model_name: str, level: str) -> None:
    """The level of the model name's suffix beats what the client says: as an effort, as a budget for models that count
    tokens, and ``none`` as what switches thinking off."""
    model = claude_model(model_name)
    if level == "none":
        no_effort(fields)
        no_thinking(fields)
        if model.thinking and model.off:
            fields["thinking"] = Raw(encode({"type": model.off}))
    elif model is UNKNOWN:
        _set_effort(fields, level)
    elif model.efforts:
        _set_effort(fields, nearest(level, model.efforts) or level)
        if _asked(fields).type not in _SWITCHED_ON:
            fields["thinking"] = Raw(b'{"type":"adaptive"}')
    elif model.thinking and (budget := _within(budget_of(level), _limit(fields))) is not None:
        fields["thinking"] = Raw(encode({"type": "enabled", "budget_tokens": budget}))


# --- what excludes it -----------------------------------------------------------------------------


def forced_tool_instead(fields: Fields, _: str = "") -> Sequence[str]:
    """Thinking gives way to a tool that must be called, also thinking that nobody has asked for. (DeepSeek)"""
    if not _is_forced(fields):
        return ()
    if fields.get("thinking", NULL) == NULL:
        fields["thinking"] = Raw(b'{"type":"disabled"}')
    return no_thinking(fields)


def free_tool_choice(fields: Fields, _: str = "") -> Sequence[str]:
    """The model chooses whether to call a tool: it cannot be made to."""
    if not _is_forced(fields):
        return ()
    choice = {name: raw for name, raw in object_of(fields["tool_choice"]).items() if name != "name"}
    fields["tool_choice"] = Raw(encode(choice | {"type": "auto"}))
    return ("tool_choice",)


def no_thinking_in_the_middle(fields: Fields, _: str = "") -> Sequence[str]:
    """A round of calls that began without thinking goes on without it."""
    try:
        messages = _messages.decode(fields.get("messages", NULL))
    except NOT_JSON:
        return ()
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    if last is None or not isinstance(last.content, list) or not last.content:
        return ()
    return () if type_of(last.content[0]) in ("thinking", "redacted_thinking") else no_thinking(fields)


def _is_forced(fields: Fields) -> bool:
    return type_of(fields.get("tool_choice", NULL)) in _FORCED


# --- effort ---------------------------------------------------------------------------------------


def no_effort(fields: Fields, _: str = "") -> Sequence[str]:
    """``output_config.effort`` is not sent, nor an ``output_config`` with nothing in it."""
    config = object_of(fields.get("output_config"))
    if config.pop("effort", NULL) == NULL:
        return ()
    if config:
        fields["output_config"] = Raw(encode(config))
    else:
        del fields["output_config"]
    return ("output_config.effort",)


def less_effort_without_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """More than ``high`` is for models that think."""
    if _asked(fields).type == "disabled" and _effort(fields) in ("xhigh", "max"):
        _set_effort(fields, "high")
    return ()


# --- reading --------------------------------------------------------------------------------------


def _asked(fields: Fields) -> _Thinking:
    try:
        return _thinking.decode(fields.get("thinking", NULL)) or _Thinking()
    except NOT_JSON:
        return _Thinking()


def _effort(fields: Fields) -> str | None:
    try:
        config = _config.decode(fields.get("output_config", NULL))
    except NOT_JSON:
        return None
    return config.effort if config is not None else None


def _set_effort(fields: Fields, level: str) -> None:
    config: RawObject = object_of(fields.get("output_config"))
    fields["output_config"] = Raw(encode(config | {"effort": level}))


def _limit(fields: Fields) -> int | None:
    try:
        return _number.decode(fields.get("max_tokens", NULL))
    except NOT_JSON:
        return None


def _within(budget: int, limit: int | None) -> int | None:
    """The budget that leaves room for an answer; None where it would be less than any upstream takes."""
    if limit is not None:
        budget = min(budget, max(limit // 2, min(LEAST_BUDGET, limit - 1)))
    return budget if budget >= LEAST_BUDGET else None
