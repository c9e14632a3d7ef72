"""Fireworks AI.

Sources: docs.fireworks.ai (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

_NO_FIREWORKS: Final = parameters.known_model(
    envelopes.fireworks, "Model not found, inaccessible, and/or not deployed", code="NOT_FOUND"
)
MAKE: Final = Make(
    name="fireworks",
    owner="fireworks",
    models=(
        Model(name="accounts/fireworks/models/glm-5p2", context=202_752, template="system first", images=False),
        Model(name="accounts/fireworks/models/kimi-k2p6", context=262_144),
    ),
    request_id="x-request-id",
    headers={"server": "cloudflare", "fireworks-prompt-tokens": "9"},
    bad_key=bad_key(envelopes.fireworks, "The API key you provided is invalid.", status=403, code="UNAUTHORIZED"),
    no_route=no_route(envelopes.text_error, "Path not found"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("call_{hex}{number}"), usage="last"), envelopes.fireworks),
            base="/inference/v1",
            thoughts="always",
            demands=(
                _NO_FIREWORKS,
                # goclaw#660, nullclaw#231
                parameters.streamed(
                    envelopes.fireworks, "Requests with max_tokens > 4096 must have stream=true", above=4096
                ),
                turns.system_first(envelopes.fireworks),
                parameters.unknown_names(
                    ("store", "verbosity", "prompt_cache_key"),
                    envelopes.fireworks,
                    "Extra inputs are not permitted, field: '{name}', value: False",
                ),
                contents.text_only(envelopes.fireworks, "This model does not support image inputs"),
            ),
        ),
        Api(
            wire=responses_wire(ResponsesHabits(plain=True), envelopes.fireworks),
            base="/inference/v1",
            thoughts="always",
            demands=(_NO_FIREWORKS,),
        ),
        Api(
            wire=messages_wire(MessagesHabits(call_id=spelled("call_{hex}{number}"), signature="")),
            base="/inference/v1",
            thoughts="always",
            demands=(_NO_FIREWORKS,),
        ),
    ),
)
