"""Mistral: ids of nine letters, turns in order, and no parameter that it does not know.

Sources: docs.mistral.ai (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import nine
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

# mistral-common; pydantic of the API, which lists where a name stands.
_UNKNOWN_TO_MISTRAL: Final = (
    "stream_options",
    "store",
    "verbosity",
    "prompt_cache_key",
    "user",
    "max_completion_tokens",
    "thinking",
)


def _forbidden(name: str) -> object:
    """pydantic's list of one."""
    place = ["body", name]
    detail = {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted", "input": "x"}
    return {"object": "error", "message": {"detail": [detail]}, "type": "invalid_request_error", "code": None}


MAKE: Final = Make(
    name="mistral",
    owner="mistralai",
    models=(
        Model(name="mistral-medium-latest", pattern="mistral-(medium|small|large).*|magistral.*", context=131_072),
        Model(name="devstral-medium-latest", pattern="devstral.*|codestral.*", context=262_144, thinks=False),
    ),
    request_id="mistral-correlation-id",
    headers={"x-kong-upstream-latency": "12", "server": "cloudflare"},
    bad_key=bad_key(lambda problem: {"detail": problem.message}, "Unauthorized"),
    no_route=no_route(lambda problem: {"message": problem.message}, "no Route matched with those values"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=nine, thinking="parts", usage="last"), envelopes.mistral),
            thoughts="always",
            demands=(
                parameters.known_model(
                    envelopes.mistral, "Invalid model: {model}", status=400, kind="invalid_model", code="1500"
                ),
                *(
                    parameters.unknown_names((name,), lambda problem: _forbidden(problem.message), "{name}", status=422)
                    for name in _UNKNOWN_TO_MISTRAL
                ),
                contents.nine_letters(envelopes.mistral),
                turns.no_user_after_tool(envelopes.mistral),
                turns.user_last(
                    envelopes.mistral,
                    "Expected last role User or Tool (or Assistant with prefix True) for serving but got {role}",
                    kind="invalid_request_message_order",
                    code="3230",
                ),
                contents.content_not_empty(
                    envelopes.mistral, "Assistant message must have either content or tool_calls, but not none."
                ),
            ),
        ),
    ),
)
