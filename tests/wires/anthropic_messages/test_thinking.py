"""How a client of another API is thought for by each generation of models, and what gives way to what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.blocks import Text, ToolCall, ToolResult
from daemon.inference.request import Message, ReasoningOptions, Request, Tool, ToolChoice
from daemon.wires.anthropic_messages import WIRE
from daemon.wires.base import EncodeOptions

HI = (Message("user", (Text("hi"),)),)
CALLED = (
    *HI,
    Message("assistant", (ToolCall(id="a", name="R", arguments=""),)),
    Message("user", (ToolResult(call_id="a"),)),
)
FORCED = {"tools": (Tool(name="R"),), "tool_choice": ToolChoice("any")}
NEW, SIX, OLD, OLDEST = "claude-opus-5-5", "claude-sonnet-4-6", "claude-haiku-4-5", "claude-3-5-haiku-latest"
OTHER = "glm-5"
NOTHING = "nothing of thinking"


def encoded(model: str, default: str | None = None, suffix: str | None = None, **fields: Any) -> tuple[Any, ...]:
    request = Request(**({"wire": "chat", "model": "m", "messages": HI} | fields))
    options = EncodeOptions(model=model, default_effort=default, effort=suffix)
    body = WIRE.encode_request(request, options)
    return json.loads(body.body), body.lost


def effort(level: str) -> dict[str, Any]:
    return {"reasoning": ReasoningOptions(effort=level)}


def adaptive(level: str) -> dict[str, Any]:
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": level}}


def budget(tokens: int, limit: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}, "max_tokens": limit}


ROWS: list[tuple[str, str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("nothing asked", NEW, {}, {"max_tokens": 64_000}, ()),
    ("nothing asked, before", OLD, {}, {"max_tokens": 32_000}, ()),
    ("nothing asked, at first", OLDEST, {}, {"max_tokens": 8_192}, ()),
    ("nothing asked of others", OTHER, {}, {"max_tokens": 32_000}, ()),
    ("effort", NEW, effort("xhigh"), adaptive("xhigh") | {"max_tokens": 64_000}, ()),
    ("effort that 4.6 lacks", SIX, effort("xhigh"), adaptive("high"), ("reasoning_effort",)),
    ("more effort than any", NEW, effort("ultra"), adaptive("max"), ("reasoning_effort",)),
    ("effort that no Claude has", NEW, effort("minimal"), adaptive("low"), ()),
    ("effort off the scale", NEW, effort("auto"), {"thinking": {"type": "adaptive"}}, ()),
    ("effort before", OLD, effort("high"), budget(24_576, 49_152), ()),
    ("most effort before", OLD, effort("max"), budget(32_000, 64_000), ()),
    ("most effort of a small model", "claude-opus-4-1", effort("max"), budget(16_000, 32_000), ()),
    ("effort of others", OTHER, effort("max"), budget(64_000, 128_000), ()),
    ("effort without thinking", OLDEST, effort("high"), {}, ("reasoning",)),
    ("suffix", NEW, effort("low") | {"suffix": "high"}, adaptive("high"), ()),
    ("suffix over off", NEW, {"reasoning": ReasoningOptions(enabled=False), "suffix": "low"}, adaptive("low"), ()),
    ("a budget", NEW, {"reasoning": ReasoningOptions(budget=8000)}, adaptive("medium"), ()),
    ("a large budget", NEW, {"reasoning": ReasoningOptions(budget=32_000)}, adaptive("xhigh"), ()),
    ("a budget before", OLD, {"reasoning": ReasoningOptions(budget=8000)}, budget(8000, 32_000), ()),
    ("switched on", NEW, {"reasoning": ReasoningOptions(enabled=True)}, {"thinking": {"type": "adaptive"}}, ()),
    (
        "to be shown",
        NEW,
        {"reasoning": ReasoningOptions(effort="low", visible=True)},
        adaptive("low") | {"thinking": {"type": "adaptive", "display": "summarized"}},
        (),
    ),
    ("shown anyway", SIX, {"reasoning": ReasoningOptions(effort="low", visible=True)}, adaptive("low"), ()),
    ("none", SIX, effort("none"), {"thinking": {"type": "disabled"}}, ()),
    ("none of Sonnet 5.5", "claude-sonnet-5-5", effort("none"), {"thinking": {"type": "between_tools"}}, ()),
    ("none of who always thinks", NEW, effort("none"), {"output_config": {"effort": "low"}}, ("reasoning",)),
    ("none of who never thinks", OLDEST, effort("none"), {}, ()),
    ("off", OTHER, {"reasoning": ReasoningOptions(enabled=False)}, {"thinking": {"type": "disabled"}}, ()),
    ("default", SIX, {"default": "high"}, adaptive("high"), ()),
    ("default before", OLD, {"default": "high"}, budget(24_576, 49_152), ()),
    ("default yields to temperature", OLD, {"default": "high", "temperature": 0.0}, {"temperature": 0.0}, ()),
    ("default yields to top_p", SIX, {"default": "high", "top_p": 0.9}, {"top_p": 0.9}, ()),
    ("default yields to top_k", SIX, {"default": "high", "top_k": 5}, {"top_k": 5}, ()),
    ("default yields to a forced tool", SIX, {"default": "high"} | FORCED, {"tool_choice": {"type": "any"}}, ()),
    ("default yields to a short answer", SIX, {"default": "high", "max_tokens": 64}, {"max_tokens": 64}, ()),
    (
        "default beside usual sampling",
        SIX,
        {"default": "high", "temperature": 1.0, "top_p": 1.0},
        adaptive("high") | {"top_p": 1.0},
        (),
    ),
    ("default of none", SIX, {"default": "none"}, {}, ()),
    ("effort beats temperature", OLD, effort("low") | {"temperature": 0.0}, budget(1024, 32_000), ("temperature",)),
    ("effort beats top_p", SIX, effort("low") | {"top_p": 0.5}, adaptive("low"), ("top_p",)),
    ("effort beside a high top_p", SIX, effort("low") | {"top_p": 0.97}, adaptive("low") | {"top_p": 0.97}, ()),
    (
        "sampling is not for the newest",
        NEW,
        {"temperature": 0.2, "top_p": 0.9, "top_k": 1},
        {},
        ("top_p", "temperature", "top_k"),
    ),
    ("usual sampling is no loss", NEW, {"temperature": 1.0, "top_p": 1.0}, {}, ()),
    ("forced tool", SIX, effort("high") | FORCED, {"tool_choice": {"type": "any"}}, ("reasoning",)),
    ("a round begun without", OLD, effort("high") | {"messages": CALLED}, {}, ("reasoning",)),
    ("a round begun without, adaptive", SIX, effort("high") | {"messages": CALLED}, adaptive("high"), ()),
    ("little room", OLD, effort("high") | {"max_tokens": 4000}, budget(3999, 4000), ()),
    ("no room", OLD, effort("high") | {"max_tokens": 900}, {"max_tokens": 900}, ("reasoning",)),
    ("filling the cache", NEW, {"wire": "messages", "max_tokens": 0}, {"max_tokens": 0}, ()),
]
WATCHED = ("thinking", "output_config", "temperature", "top_p", "top_k", "tool_choice")


@pytest.mark.parametrize(("model", "asked", "sent", "lost"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_thinking_by_model(model: str, asked: dict[str, Any], sent: dict[str, Any], lost: tuple[str, ...]) -> None:
    body, reported = encoded(model, **asked)
    seen = {name: body[name] for name in WATCHED if name in body}
    assert seen == {name: value for name, value in sent.items() if name in WATCHED}
    assert body["max_tokens"] == sent.get("max_tokens", body["max_tokens"])
    assert reported == lost
