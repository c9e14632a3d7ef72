"""MiniMax: thoughts stand in the text, errors have one form on every API.

Sources: platform.minimax.io (November 2026), and the public reports that are named.
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

_NO_MINIMAX: Final = parameters.known_model(
    envelopes.minimax, "invalid params, unknown model '{model}' (2013)", status=400
)
_MINIMAX_NUMBER: Final = spelled("call_function_{hex}_{number}")
MAKE: Final = Make(
    name="minimax",
    owner="minimax",
    models=(
        Model(name="MiniMax-M3", context=1_000_000, output=131_072),
        Model(name="MiniMax-M2.7", context=204_800, output=131_072, images=False),
    ),
    request_id="trace-id",
    headers={"minimax-request-id": "0660b098aa1e9dd5a6773a48c479fc89"},
    bad_key=bad_key(
        envelopes.minimax,
        "login fail: Please carry the API secret key in the 'Authorization' field of the request header (1004)",
        kind="authorized_error",
        code="401",
    ),
    no_route=no_route(envelopes.plain_text, "404 page not found"),  # deepchat#538
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(call_id=_MINIMAX_NUMBER, thinking="<think>", usage="always apart", done=False),
                envelopes.minimax,
            ),
            thoughts="always",
            demands=(
                _NO_MINIMAX,
                turns.one_leading_system(envelopes.minimax, "invalid params, invalid chat setting (2013)"),
                contents.text_only(envelopes.minimax, "invalid params, image input is not supported (2013)"),
                parameters.context(envelopes.minimax, "invalid params, context window exceeds limit (2013)"),
            ),
        ),
        Api(
            wire=messages_wire(MessagesHabits(call_id=_MINIMAX_NUMBER, signature="00000000"), envelopes.minimax),
            base="/anthropic/v1",
            thoughts="always",
            demands=(
                _NO_MINIMAX,
                # MiniMax-M2.7#43
                turns.no_role("system", envelopes.minimax, "invalid params, invalid role: system (2013)"),
            ),
        ),
        # bifrost#7320
        Api(
            wire=responses_wire(ResponsesHabits(plain=True, empty_output=True), envelopes.minimax),
            thoughts="always",
            demands=(
                _NO_MINIMAX,
                contents.reasoning_items_back(
                    envelopes.minimax, "The `reasoning_text` in the thinking mode must be passed back to the API."
                ),
            ),
        ),
    ),
)
