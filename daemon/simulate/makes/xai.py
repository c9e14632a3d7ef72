"""xAI: errors are two texts.

Sources: docs.x.ai (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import envelopes, parameters

_LEVELS: Final = ("low", "medium", "high")
# eliza#2578; AIWriteX#26 of the route.
_NO_GROK: Final = parameters.known_model(
    envelopes.xai,
    "The model {model} does not exist or your team 00000000-0000-0000-0000-000000000000 does not have access to it."
    " Please ensure you're using the correct API key. If you believe this is a mistake, please contact support and"
    " quote your team ID and the model name.",
    code="Some requested entity was not found",
)
_GROK_EFFORT: Final = parameters.efforts(
    envelopes.xai,
    "Invalid reasoning effort: {effort}. Supported values are: {efforts}",
    "Model {model} does not support parameter reasoningEffort.",
)
MAKE: Final = Make(
    name="xai",
    owner="xai",
    models=(
        Model(name="grok-4.3", pattern=r"grok-4\.[3-9].*|grok-5.*", context=1_000_000, efforts=("none", *_LEVELS)),
        Model(
            name="grok-4", pattern=r"grok-4(-.*)?|grok-code.*", context=256_000, efforts=(), plain=False, thinks=False
        ),
    ),
    request_id="x-request-id",
    headers={"server": "cloudflare"},
    bad_key=bad_key(
        envelopes.xai,
        "Incorrect API key provided: si***ed. You can obtain an API key from https://console.x.ai.",
        status=400,
    ),
    no_route=no_route(
        envelopes.xai,
        "No handler found on route. Please double check your URL and consult https://docs.x.ai for more information.",
        code="Some requested entity was not found",
    ),
    apis=(
        Api(
            wire=responses_wire(ResponsesHabits(), envelopes.xai),
            demands=(_NO_GROK, *_GROK_EFFORT),
        ),
        Api(
            wire=chat_wire(ChatHabits(whole_calls=True, usage="every"), envelopes.xai),
            thoughts="always",
            demands=(
                _NO_GROK,
                parameters.not_with_reasoning(
                    ("stop", "presence_penalty", "frequency_penalty"),
                    envelopes.xai,
                    "Argument not supported on this model: {name}",
                ),
                *_GROK_EFFORT,
            ),
        ),
        Api(wire=messages_wire(MessagesHabits(signature=""), envelopes.xai), thoughts="always", demands=(_NO_GROK,)),
    ),
)
