"""Qwen at Alibaba Cloud Model Studio (DashScope).

Sources: alibabacloud.com/help/en/model-studio (November 2026).
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

_NO_QWEN: Final = parameters.known_model(
    envelopes.openai, "The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
)
_QWEN_LIMIT: Final = parameters.most_tokens(
    envelopes.openai,
    "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, {limit}]",
    code="invalid_parameter_error",
)
_QWEN_CONTEXT: Final = parameters.context(
    envelopes.openai,
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {limit}]",
    code="invalid_parameter_error",
)
MAKE: Final = Make(
    name="qwen",
    models=(
        Model(name="qwen3.5-plus", context=1_000_000, output=16_384),
        Model(name="qwen3-coder-plus", context=1_000_000, output=65_536, thinks=False, images=False),
    ),
    request_id="x-request-id",
    headers={"server": "istio-envoy", "x-dashscope-call-gateway": "true"},
    bad_key=bad_key(
        envelopes.openai, "Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key"
    ),
    no_route=no_route(envelopes.openai, "Not Found", code="NotFound"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(nulls=("content", "reasoning_content"))),
            base="/compatible-mode/v1",
            thoughts="always",
            demands=(
                _NO_QWEN,
                turns.no_role(
                    "developer",
                    envelopes.openai,
                    "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] -"
                    " 'messages.{index}.role'",
                    code="invalid_parameter_error",
                ),
                _QWEN_LIMIT,
                _QWEN_CONTEXT,
                contents.text_only(envelopes.openai, "Input should be 'text': messages.{index}.content.type"),
            ),
        ),
        Api(
            wire=messages_wire(MessagesHabits(call_id=spelled("call_{hex}{number}"), signature="")),
            base="/apps/anthropic/v1",
            thoughts="always",
            demands=(_NO_QWEN, _QWEN_LIMIT),
        ),
        Api(
            wire=responses_wire(ResponsesHabits(plain=True)),
            base="/compatible-mode/v1",
            thoughts="always",
            demands=(_NO_QWEN, _QWEN_LIMIT),
        ),
    ),
)
