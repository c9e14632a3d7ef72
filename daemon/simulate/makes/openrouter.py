"""OpenRouter: what the provider behind it says is wrapped.

Sources: openrouter.ai/docs (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters

_NO_OPENROUTER: Final = parameters.known_model(envelopes.openrouter, "{model} is not a valid model ID", status=400)
_SIGHT: Final = contents.text_only(
    envelopes.openrouter, "No endpoints found that support image input", status=404, code="404"
)
MAKE: Final = Make(
    name="openrouter",
    models=(
        Model(name="deepseek/deepseek-v4-flash", context=1_000_000, images=False),
        Model(name="google/gemini-3.5-pro", pattern="google/.*|openai/.*|anthropic/.*", context=1_000_000, seals=True),
    ),
    headers={"server": "cloudflare", "x-generation-id": "gen-simulated"},
    bad_key=bad_key(envelopes.openrouter, "User not found.", code="401"),
    no_route=no_route(envelopes.openrouter, "Not Found", code="404"),
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(
                    call_id=spelled("tool_{number}_{name}"),
                    thinking="reasoning_details",
                    sealed="reasoning_details",
                    usage="always apart",
                    noise=(b": OPENROUTER PROCESSING\n\n",),
                ),
                envelopes.openrouter,
            ),
            base="/api/v1",
            thoughts="always",
            demands=(
                _NO_OPENROUTER,
                _SIGHT,
                contents.own_seals(envelopes.openrouter_raw, "The encrypted content rs_1 could not be verified."),
                parameters.unknown_names(
                    ("top_k", "chat_template_kwargs"), envelopes.openrouter_raw, "Unknown parameter: '{name}'."
                ),
            ),
        ),
        Api(
            wire=responses_wire(
                ResponsesHabits(plain=True, done=True, noise=(b": OPENROUTER PROCESSING\n\n",)), envelopes.openrouter
            ),
            base="/api/v1",
            thoughts="always",
            demands=(_NO_OPENROUTER,),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(signature="", noise=(b": OPENROUTER PROCESSING\n\n",)), envelopes.openrouter
            ),
            base="/api/v1",
            thoughts="always",
            demands=(_NO_OPENROUTER,),
        ),
    ),
)
