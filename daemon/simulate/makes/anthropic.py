"""Anthropic.

Sources: platform.claude.com (November 2026): models, errors, extended and adaptive thinking, prefill.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Asked
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters
from daemon.simulate.rules.rule import rule

_EFFORTS: Final = ("low", "medium", "high", "max")
_MODELS: Final = (
    Model(
        name="claude-sonnet-5",
        pattern=r"claude-(sonnet|opus|haiku|fable)-5.*|claude-opus-4-[78].*",
        context=1_000_000,
        output=128_000,
        efforts=("low", "medium", "high", "xhigh", "max"),
        thinking=("adaptive", "disabled"),
        plain=False,
    ),
    Model(
        name="claude-opus-4-6",
        pattern=r"claude-(opus|sonnet)-4-6.*",
        context=1_000_000,
        output=128_000,
        efforts=_EFFORTS,
    ),
    Model(
        name="claude-haiku-4-5",
        pattern=r"claude-(haiku|sonnet|opus)-4(-[0-5])?(-\d{8})?",
        context=200_000,
        output=64_000,
        efforts=(),
        thinking=("enabled", "disabled"),
    ),
    Model(
        name="claude-3-5-haiku",
        pattern=r"claude-3-.*",
        context=200_000,
        output=8_192,
        efforts=(),
        thinking=("disabled",),
    ),
)
_SAYS: Final = envelopes.anthropic


def _budget(asked: Asked) -> str | None:
    thinking = asked.body.get("thinking") or {}
    budget = int(thinking.get("budget_tokens") or 0)
    if thinking.get("type") != "enabled":
        return None
    if budget < 1024:
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    return "`max_tokens` must be greater than `thinking.budget_tokens`." if budget >= asked.body["max_tokens"] else None


def _forced(asked: Asked) -> str | None:
    thinks = (asked.body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    choice = asked.body.get("tool_choice")
    forced = isinstance(choice, dict) and choice.get("type") in ("any", "tool")
    return "Thinking may not be enabled when tool_choice forces tool use." if thinks and forced else None


_DEMANDS: Final = (
    parameters.known_model(_SAYS, "model: {model}", kind="not_found_error"),
    parameters.limit_needed(_SAYS),
    parameters.most_tokens(
        _SAYS, "max_tokens: {sent} > {limit}, which is the maximum allowed number of output tokens for {model}"
    ),
    parameters.unknown_names(
        (
            "reasoning_effort",
            "reasoning",
            "max_completion_tokens",
            "stop",
            "n",
            "response_format",
            "parallel_tool_calls",
        ),
        _SAYS,
        "{name}: Extra inputs are not permitted",
    ),
    parameters.thinking_types(
        _SAYS,
        {
            "adaptive": "adaptive thinking is not supported on this model",
            "enabled": '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and'
            ' "output_config.effort" to control thinking behavior.',
        },
    ),
    rule("budget", _budget, _SAYS, param=None),
    rule("forced-tool", _forced, _SAYS, param=None),
    *parameters.efforts(
        _SAYS,
        "output_config.effort: Input should be {efforts}",
        "This model does not support the effort parameter.",
    ),
    parameters.not_with_reasoning(("temperature", "top_p", "top_k"), _SAYS, "`{name}` is deprecated for this model."),
    parameters.no_prefill(_SAYS),
    parameters.context(_SAYS, "prompt is too long: {prompt} tokens > {limit} maximum"),
    contents.anthropic_ids(_SAYS),
)

MAKE: Final = Make(
    name="anthropic",
    models=_MODELS,
    listing="anthropic",
    counts=True,
    request_id="request-id",
    headers={"anthropic-organization-id": "00000000-0000-0000-0000-000000000000", "server": "cloudflare"},
    bad_key=bad_key(_SAYS, "invalid x-api-key"),
    no_route=no_route(_SAYS, "Not Found", kind="not_found_error"),
    apis=(
        Api(wire=messages_wire(MessagesHabits(noise=(b'event: ping\ndata: {"type": "ping"}\n\n',))), demands=_DEMANDS),
        # The endpoint in the form of Chat, for trials: what it does not know it passes over.
        Api(
            wire=chat_wire(ChatHabits(nulls=("refusal",))),
            thoughts="never",
            demands=(parameters.known_model(envelopes.openai, "model: {model}", kind="not_found_error"),),
        ),
    ),
)
