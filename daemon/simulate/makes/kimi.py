"""Kimi, of Moonshot AI: calls are numbered from 0 in each turn, and one temperature is taken.

Sources: platform.kimi.ai (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Demand
from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters

_KIMI_NUMBER: Final = spelled("{name}:{number}")


def _kimi(*demands: Demand) -> tuple[Demand, ...]:
    says = envelopes.untyped
    return (
        # Langchain-Chatchat#3767, dify#39778
        parameters.known_model(
            says, "Not found the model {model} or Permission denied", kind="resource_not_found_error"
        ),
        parameters.context(
            says, "Invalid request: Your request exceeded model token limit: {limit} (requested: {prompt})"
        ),
        *demands,
    )


MAKE: Final = Make(
    name="kimi",
    owner="moonshot",
    models=(
        Model(
            name="kimi-k3", context=262_144, efforts=("low", "medium", "high", "max"), thinking=("enabled", "disabled")
        ),
        Model(name="kimi-k2.6", context=262_144, efforts=(), thinking=("enabled", "disabled")),
    ),
    request_id="msh-request-id",
    headers={"server": "nginx"},
    bad_key=bad_key(envelopes.untyped, "Invalid Authentication", kind="invalid_authentication_error"),
    no_route=no_route(envelopes.untyped, "The requested resource was not found", kind="resource_not_found_error"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=_KIMI_NUMBER, usage="choice"), envelopes.untyped),
            thoughts="always",
            demands=_kimi(
                contents.thinking_back(
                    envelopes.untyped,
                    "thinking is enabled but reasoning_content is missing in assistant tool call message at index"
                    " {index}",
                ),
                parameters.only_value(
                    "temperature", 1, envelopes.untyped, "invalid temperature: only 1 is allowed for this model"
                ),
                *parameters.efforts(
                    envelopes.untyped,
                    "Invalid request: reasoning_effort must be one of {efforts}",
                    "Invalid request: reasoning_effort is not supported by this model",
                ),
                contents.content_not_empty(
                    envelopes.untyped,
                    "Invalid request: the message at position {index} with role '{role}' must not be empty",
                ),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(
                    call_id=_KIMI_NUMBER,
                    signature="",
                    noise=(b"event: ping\ndata: \n\n",),  # caozhiyuan/copilot-api#88
                ),
                envelopes.untyped,
            ),
            base="/anthropic/v1",
            thoughts="always",
            demands=_kimi(
                parameters.thinking_types(
                    envelopes.untyped, {"adaptive": "Invalid request: thinking.type 'adaptive' is not supported"}
                ),
            ),
        ),
    ),
)
