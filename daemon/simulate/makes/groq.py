"""Groq.

Sources: console.groq.com/docs (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters

_LEVELS: Final = ("low", "medium", "high")
_NO_GROQ: Final = parameters.known_model(
    envelopes.openai, "The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
)
_GROQ_LIMIT: Final = parameters.most_tokens(
    envelopes.openai,
    "`{name}` must be less than or equal to `{limit}`, the maximum value for `{name}` is less than the"
    " `context_window` for this model",
)
MAKE: Final = Make(
    name="groq",
    owner="OpenAI",
    models=(
        Model(name="openai/gpt-oss-120b", context=131_072, output=65_536, efforts=_LEVELS, images=False),
        Model(
            name="moonshotai/kimi-k2-instruct-0905",
            context=262_144,
            output=16_384,
            efforts=(),
            thinks=False,
            images=False,
        ),
        Model(name="qwen/qwen3-32b", context=131_072, output=40_960, efforts=("none", "default"), images=False),
    ),
    request_id="x-request-id",
    headers={"x-ratelimit-limit-tokens": "250000", "x-ratelimit-remaining-tokens": "249000", "x-groq-region": "fra"},
    bad_key=bad_key(envelopes.openai, "Invalid API Key", kind="invalid_request_error", code="invalid_api_key"),
    no_route=no_route(
        envelopes.openai,
        "Unknown request URL: POST {path}. Please check the URL for typos, or see the docs at"
        " https://console.groq.com/docs/",
        code="unknown_url",
    ),
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(call_id=spelled("functions.{name}:{number}"), thinking="reasoning", usage="x_groq")
            ),
            base="/openai/v1",
            thoughts="always",
            demands=(
                _NO_GROQ,
                contents.no_reasoning_content(envelopes.openai),
                _GROQ_LIMIT,
                *parameters.efforts(
                    envelopes.openai,
                    "`reasoning_effort` must be one of {ticks}",
                    "reasoning_effort is not supported with this model",
                ),
                parameters.unknown_names(
                    ("logprobs", "top_logprobs", "logit_bias"),
                    envelopes.openai,
                    "property '{name}' is unsupported",
                ),
                contents.text_only(envelopes.openai, "messages[{index}].content must be a string"),
            ),
        ),
        Api(
            wire=responses_wire(ResponsesHabits(plain=True)),
            base="/openai/v1",
            thoughts="always",
            demands=(_NO_GROQ, _GROQ_LIMIT),
        ),
    ),
)
