"""GitHub Copilot: its thoughts have a name of their own, and a sealed form.

Sources: public reports and clients of 2025 and 2026 (litellm#35021, opencode#4468, OmniRoute#7856, copilot-api#152).
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

_NO_MODEL: Final = parameters.known_model(
    envelopes.openai, "The requested model is not supported.", status=400, code="model_not_supported", param="model"
)
MAKE: Final = Make(
    name="copilot",
    profile="none",
    owner="Anthropic",
    models=(
        Model(
            name="claude-sonnet-5",
            pattern="claude-.*",
            context=200_000,
            output=64_000,
            efforts=("low", "medium", "high"),
            seals=True,
        ),
        Model(name="gemini-3.5-flash", pattern="gemini-.*", context=128_000, output=64_000, seals=True),
        Model(name="gpt-4o", pattern="gpt-4.*", context=128_000, output=16_384, efforts=(), thinks=False),
    ),
    request_id="x-github-request-id",
    headers={"x-copilot-service-request-id": "00000000", "server": "github.com"},
    bad_key=bad_key(envelopes.plain_text, "IDE token expired: unauthorized: token expired"),
    no_route=no_route(envelopes.plain_text, "404 page not found"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(thinking="reasoning_text", sealed="reasoning_opaque", usage="last", apart=True)),
            thoughts="always",
            demands=(
                _NO_MODEL,
                parameters.unknown_names(("store",), envelopes.openai, "{name} is not supported"),
                *parameters.efforts(
                    envelopes.openai,
                    "reasoning_effort {effort} is not supported, use one of {efforts}",
                    "reasoning_effort is not supported with this model",
                ),
                contents.own_seals(envelopes.openai, "invalid reasoning_opaque"),
                turns.user_last(envelopes.openai, "The conversation must end with a user message."),
                parameters.context(
                    envelopes.openai,
                    "prompt token count of {prompt} exceeds the limit of {limit}",
                    code="model_max_prompt_tokens_exceeded",
                ),
            ),
        ),
        Api(wire=messages_wire(MessagesHabits()), demands=(_NO_MODEL,)),
    ),
)
