"""How thinking is asked for in a Messages request that comes from another wire, by model (``models``).

The API refuses a request whole that breaks one of its rules: a budget below ``max_tokens``, no sampling beside
thinking, no forced tool, and for each generation of models one of two forms. What the client asked for and cannot have
is reported as lost; the provider's default level just gives way.
"""

from __future__ import annotations

from typing import Final

from daemon.inference.blocks import Reasoning, ToolCall
from daemon.inference.request import Request
from daemon.wires.anthropic_messages.models import ClaudeModel, claude_model
from daemon.wires.anthropic_messages.schema import WIRE_NAME
from daemon.wires.base import EncodeOptions
from daemon.wires.effort import BUDGETS, FIELDS, LEAST_BUDGET, lowered, nearest, on_scale

Json = dict[str, object]

LEAST_TOP_P: Final = 0.95
"""Below it ``top_p`` may not stand beside thinking."""


def budget_of(effort: str | None) -> int:
    """The tokens that a level stands for."""
    return max(BUDGETS.get(on_scale(effort or ""), BUDGETS["medium"]), LEAST_BUDGET)


def effort_of(budget: int) -> str:
    """The level that a number of tokens stands for, where a model takes levels."""
    return next((level for level, most in BUDGETS.items() if level != "minimal" and budget <= most), "max")


def thinking_fields(request: Request, options: EncodeOptions, body: Json, lost: list[str]) -> Json:
    """``thinking``, ``output_config`` and ``max_tokens`` as they are to be sent; takes out of ``body`` what may not
    stand beside them. Nothing unless the client, the model name's suffix or the provider's default says something."""
    asked = request.reasoning
    if request.wire == WIRE_NAME:
        return _as_asked(request, options, body, lost)
    model = claude_model(options.model)
    effort = options.effort or asked.effort
    if effort == "none" or (asked.enabled is False and options.effort is None):
        return _off(model, lost)
    if effort is None and not asked.enabled and not asked.budget:
        if options.default_effort in (None, "none") or not model.thinking or _leaves_no_thinking(request, model):
            return {}
        effort = options.default_effort
    elif not model.thinking or _is_forbidden(request, model):
        lost.append("reasoning")
        return {}
    if model.thinking == "adaptive":
        leave_out(body, lost)
        return _adaptive(request, model, effort, lost)
    return _budgeted(request, model, asked.budget or budget_of(effort), body, lost)


def leave_out(body: Json, lost: list[str], *, all_of_it: bool = False) -> None:
    """Takes the sampling out of ``body`` that may not stand beside thinking, or for some models ``all_of_it``. A
    default value is no loss."""
    top_p = body.get("top_p")
    if isinstance(top_p, int | float) and (all_of_it or top_p < LEAST_TOP_P):
        del body["top_p"]
        if top_p != 1:
            lost.append("top_p")
    for name, default in (("temperature", 1), ("top_k", None)):
        if body.pop(name, default) != default:
            lost.append(name)


def _off(model: ClaudeModel, lost: list[str]) -> Json:
    if not model.thinking:
        return {}
    if model.off:
        return {"thinking": {"type": model.off}}
    lost.append("reasoning")  # it cannot be switched off; the least is the closest
    return {"output_config": {"effort": model.efforts[0]}}


def _adaptive(request: Request, model: ClaudeModel, effort: str | None, lost: list[str]) -> Json:
    asked = request.reasoning
    thinking: Json = {"type": "adaptive"}
    if asked.visible and model.omits:
        thinking["display"] = "summarized"
    if effort is None and asked.budget:
        effort = effort_of(asked.budget)
    level = nearest(effort, model.efforts) if effort else None
    if lowered(effort, level):
        lost.append(FIELDS[request.wire])
    config: Json = {"output_config": {"effort": level}} if level else {}
    return {"thinking": thinking, **config}


def _budgeted(request: Request, model: ClaudeModel, budget: int, body: Json, lost: list[str]) -> Json:
    limit = request.max_tokens
    if limit is None:
        limit = min(max(model.usual_tokens, budget * 2), model.most_tokens)
        budget = min(budget, limit // 2)
    budget = min(budget, limit - 1)
    if budget < LEAST_BUDGET:
        lost.append("reasoning")
        return {}
    leave_out(body, lost)
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


def _leaves_no_thinking(request: Request, model: ClaudeModel) -> bool:
    """Whether the client has said something that does not go with thinking, and nothing of thinking."""
    return (
        request.temperature not in (None, 1)
        or (request.top_p is not None and request.top_p < LEAST_TOP_P)
        or request.top_k is not None
        or (request.max_tokens is not None and request.max_tokens <= LEAST_BUDGET)
        or _is_forbidden(request, model)
    )


def _is_forbidden(request: Request, model: ClaudeModel) -> bool:
    """A forced tool excludes thinking; so does, with a budget, a running round of calls that began without it."""
    if request.tool_choice is not None and request.tool_choice.mode in ("any", "tool"):
        return True
    return model.thinking == "budget" and _began_without(request)


def _began_without(request: Request) -> bool:
    for message in reversed(request.messages):
        if message.role == "assistant":
            called = any(isinstance(block, ToolCall) for block in message.content)
            signed = any(isinstance(block, Reasoning) and block.signature for block in message.content)
            if called or signed:
                return called and not signed
    return False


def _as_asked(request: Request, options: EncodeOptions, body: Json, lost: list[str]) -> Json:
    """The client uses this wire too: its own words, but for the level of the model name's suffix."""
    asked = request.reasoning
    effort = options.effort or asked.effort
    config: Json = {"output_config": {"effort": effort}} if effort else {}
    if not asked.enabled:
        return config | ({"thinking": {"type": "disabled"}} if asked.enabled is False else {})
    if asked.budget is None:
        return config | {"thinking": {"type": "adaptive"}}
    model = claude_model(options.model)
    if (request.tool_choice is not None and request.tool_choice.mode in ("any", "tool")) or _began_without(request):
        lost.append("reasoning")
        return config
    return config | _budgeted(request, model, asked.budget, body, lost)
