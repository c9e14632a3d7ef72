"""The programs that relays run: new-api, sub2api and claude-relay-service. What the backend behind them demands is that
of ``codex_relay``; here is what each adds of its own.

Sources: their public code and users' reports (2025-12 to 2026-08), named beside each.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.relay import DEMANDS
from daemon.simulate.rules import envelopes, parameters

_MODELS: Final = (
    Model(
        name="gpt-5-codex", pattern=r"gpt-5.*|codex-.*", efforts=("none", "minimal", "low", "medium", "high", "xhigh")
    ),
)

# cc-switch#312: 503. It has a channel for each of the three APIs; Codex' goes through.
_NO_CHANNEL: Final = parameters.known_model(
    envelopes.new_api,
    "分组 default 下模型 {model} 无可用渠道（distributor）",
    status=503,
    code="model_not_found",
)
_NEW_API: Final = Make(
    name="new-api",
    profile="none",
    models=_MODELS,
    owner="openai",
    request_id="x-oneapi-request-id",
    headers={"x-new-api-version": "v1.0.0"},
    bad_key=bad_key(envelopes.new_api, "无效的令牌", kind="new_api_error"),
    no_route=no_route(envelopes.new_api, "Invalid URL (POST {path})"),
    session_cache=True,
    apis=(
        Api(wire=responses_wire(ResponsesHabits(), envelopes.new_api), demands=(_NO_CHANNEL, *DEMANDS[1:])),
        Api(
            wire=chat_wire(ChatHabits(usage="always apart"), envelopes.new_api),
            thoughts="always",
            demands=(_NO_CHANNEL,),
        ),
        Api(wire=messages_wire(MessagesHabits(signature="")), thoughts="always", demands=(_NO_CHANNEL,)),
    ),
)

_SUB2API: Final = Make(
    name="sub2api",
    profile="codex-relay",
    models=_MODELS,
    owner="openai",
    bad_key=bad_key(lambda problem: {"code": "INVALID_API_KEY", "message": problem.message}, "Invalid API key"),
    no_route=no_route(envelopes.plain_text, "404 page not found"),
    session_cache=True,
    apis=(
        Api(
            # A stream without content-type (sub2api#2826), times as in sub2api#6505, no items in the last event,
            # no events for parts (hermes-agent#119758).
            wire=responses_wire(ResponsesHabits(empty_output=True, parts=False, float_times=True, content_type="")),
            demands=(
                parameters.known_model(
                    envelopes.detail,
                    "The '{model}' model is not supported when using Codex with a ChatGPT account.",
                    status=400,
                ),
                *DEMANDS[1:],
            ),
        ),
    ),
)

# openaiRoutes.js; a stream that calls itself JSON: claude-code-router-next#41, openclaw#97454.
_CRS: Final = Make(
    name="claude-relay-service",
    profile="codex-relay",
    models=_MODELS,
    owner="openai",
    request_id="x-request-id",
    bad_key=bad_key(envelopes.relay_title, "API key not found", code="Invalid API key"),
    no_route=no_route(envelopes.relay_title, "Route {path} not found", code="Not Found"),
    session_cache=True,
    apis=(
        Api(
            wire=responses_wire(ResponsesHabits(done=True, content_type="application/json")),
            base="/openai/v1",
            demands=(
                parameters.known_model(
                    envelopes.relay_title, "Model {model} is not available", status=403, code="Model not allowed"
                ),
                *DEMANDS[1:],
            ),
        ),
    ),
)

ROWS: Final = (_NEW_API, _SUB2API, _CRS)
