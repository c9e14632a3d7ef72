"""Doubao at Volcano Engine's Ark, and its endpoint for coding agents.

Sources: volcengine.com/docs/82379 (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters

# eino#107
_NO_MODEL: Final = parameters.known_model(
    envelopes.volcano,
    "The model or endpoint {model} does not exist or you do not have access to it.",
    kind="NotFound",
    code="InvalidEndpointOrModel.NotFound",
)
_LIMIT: Final = parameters.most_tokens(
    envelopes.volcano,
    "The parameter `{name}` specified in the request is not valid: integer above maximum value, expected a value <="
    " {limit}, but got {sent} instead.",
)
MAKE: Final = Make(
    name="doubao",
    profile="none",
    models=(
        Model(
            name="doubao-seed-1-8-251228",
            pattern="doubao-seed-1-[6-9].*|ep-.*",
            context=262_144,
            output=32_768,
            efforts=("minimal", "low", "medium", "high"),
            thinking=("enabled", "disabled"),
        ),
        Model(name="doubao-1-5-pro-32k-250115", context=32_768, output=12_288, thinks=False, images=False),
    ),
    request_id="x-request-id",
    headers={"server": "istio-envoy", "x-client-request-id": "unknown"},
    bad_key=bad_key(
        envelopes.volcano, "The API key format is incorrect.", kind="Unauthorized", code="AuthenticationError"
    ),
    no_route=no_route(
        envelopes.volcano,
        "The request targeted an endpoint that does not exist or is invalid.",
        kind="NotFound",
        code="NotFound",
    ),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("call_{hex}{number}")), envelopes.volcano),
            base="/api/v3",
            thoughts="always",
            demands=(
                _NO_MODEL,
                _LIMIT,
                # cc-switch#2851
                *parameters.efforts(
                    envelopes.volcano,
                    "The parameter `{name}` specified in the request is not valid: expected one of {ticks}, but got"
                    " `{effort}` instead.",
                ),
                contents.text_only(envelopes.volcano, "Model only support text input, but got {type}."),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(call_id=spelled("call_{hex}{number}"), signature=""), envelopes.anthropic
            ),
            base="/api/coding/v1",
            thoughts="always",
            demands=(
                _NO_MODEL,
                # models.dev#5518
                parameters.thinking_types(envelopes.anthropic, {"adaptive": "unsupported thinking type: adaptive"}),
            ),
        ),
    ),
)
