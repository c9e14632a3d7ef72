"""OpenAI and Azure, which has the same models and rules in words of its own.

Sources: developers.openai.com and learn.microsoft.com (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Demand
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns

_MODELS: Final = (
    Model(
        name="gpt-5.5",
        pattern=r"gpt-5\.[2-9].*|gpt-6.*",
        context=400_000,
        output=128_000,
        efforts=("none", "low", "medium", "high", "xhigh"),
        plain=False,
    ),
    Model(
        name="gpt-5",
        pattern=r"gpt-5(\.1)?(-(mini|nano|codex|codex-max|pro))*",
        context=400_000,
        output=128_000,
        efforts=("minimal", "low", "medium", "high"),
        plain=False,
    ),
    Model(name="o4-mini", pattern=r"o[134](-.*)?", output=100_000, efforts=("low", "medium", "high"), plain=False),
    Model(name="gpt-4o", pattern=r"gpt-4.*", context=128_000, output=16_384, efforts=(), thinks=False),
)
_SAMPLING: Final = ("temperature", "top_p")
_NOT_WITH_REASONING: Final = ("stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs")
_FOREIGN: Final = ("top_k", "thinking", "enable_thinking", "chat_template_kwargs", "reasoning", "repetition_penalty")


def _on_responses() -> tuple[Demand, ...]:
    says = envelopes.openai
    unsupported = "Unsupported parameter: '{name}' is not supported with this model."
    return (
        parameters.unknown_names(
            (*_FOREIGN[:-2], "stop", "max_tokens"), says, "Unknown parameter: '{name}'.", code="unknown_parameter"
        ),
        parameters.not_with_reasoning(_SAMPLING, says, unsupported),
        *parameters.efforts(
            says,
            "Unsupported value: '{effort}' is not supported with the '{model}' model. Supported values are: {quotes}.",
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            code="unsupported_value",
            refused_code="unsupported_parameter",
        ),
        parameters.most_tokens(
            says,
            "Invalid '{name}': integer above maximum value. Expected a value <= {limit}, but got {sent} instead.",
            code="integer_above_max_value",
        ),
        parameters.context(
            says,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            code="context_length_exceeded",
        ),
    )


def _on_chat(unknown: str, unknown_code: str | None) -> tuple[Demand, ...]:
    says = envelopes.openai
    return (
        parameters.unknown_names(_FOREIGN, says, unknown, code=unknown_code),
        parameters.renamed("max_tokens", "max_completion_tokens", says),
        parameters.sampling(
            _SAMPLING,
            says,
            "Unsupported value: '{name}' does not support {sent} with this model. Only the default (1) value is"
            " supported.",
            code="unsupported_value",
        ),
        parameters.not_with_reasoning(
            _NOT_WITH_REASONING,
            says,
            "Unsupported parameter: '{name}' is not supported with this model.",
            code="unsupported_parameter",
        ),
        parameters.tools_with_effort(says),
        *parameters.efforts(
            says,
            "Unsupported value: '{name}' does not support '{effort}' with this model. Supported values are: {quotes}.",
            "Unrecognized request argument supplied: {name}",
            code="unsupported_value",
        ),
        parameters.most_tokens(
            says,
            "{name} is too large: {sent}. This model supports at most {limit} completion tokens, whereas you provided"
            " {sent}.",
            code="invalid_value",
        ),
        parameters.context(
            says,
            "This model's maximum context length is {limit} tokens. However, your messages resulted in {prompt} tokens."
            " Please reduce the length of the messages.",
            code="context_length_exceeded",
        ),
        parameters.tool_names(says),
        contents.short_ids(says),
        turns.answered_calls(
            says,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages: {id}",
        ),
    )


_OPENAI: Final = Make(
    name="openai",
    models=_MODELS,
    owner="system",
    request_id="x-request-id",
    headers={"openai-processing-ms": "12", "openai-version": "2020-10-01", "server": "cloudflare"},
    bad_key=bad_key(
        envelopes.openai,
        "Incorrect API key provided: sk-si*****ated. You can find your API key at"
        " https://platform.openai.com/account/api-keys.",
        kind="invalid_request_error",
        code="invalid_api_key",
    ),
    apis=(
        Api(
            wire=responses_wire(ResponsesHabits()),
            demands=(
                parameters.known_model(
                    envelopes.openai,
                    "The requested model '{model}' does not exist.",
                    status=400,
                    code="model_not_found",
                    param="model",
                ),
                *_on_responses(),
            ),
        ),
        Api(
            wire=chat_wire(ChatHabits(nulls=("refusal",))),
            thoughts="never",
            demands=(
                parameters.known_model(
                    envelopes.openai,
                    "The model `{model}` does not exist or you do not have access to it.",
                    code="model_not_found",
                ),
                *_on_chat("Unknown parameter: '{name}'.", "unknown_parameter"),
            ),
        ),
    ),
)

# The first chunk has no choice, but what the filter says of the prompt.
_FILTER_CHUNK: Final = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,'
    b'"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}\n\n'
)
_NO_DEPLOYMENT: Final = parameters.known_model(
    envelopes.azure,
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes,"
    " please wait a moment and try again.",
    code="DeploymentNotFound",
)
_AZURE: Final = Make(
    name="azure",
    models=_MODELS,
    owner="system",
    request_id="apim-request-id",
    headers={"x-ms-region": "East US 2", "azureml-model-session": "d001"},
    bad_key=bad_key(
        envelopes.azure,
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an"
        " active subscription and use a correct regional API endpoint for your resource.",
        code="401",
    ),
    no_route=no_route(envelopes.azure, "Resource not found", code="404"),
    apis=(
        Api(wire=responses_wire(ResponsesHabits()), base="/openai/v1", demands=(_NO_DEPLOYMENT, *_on_responses())),
        Api(
            wire=chat_wire(ChatHabits(noise=(_FILTER_CHUNK,))),
            base="/openai/v1",
            thoughts="never",
            demands=(_NO_DEPLOYMENT, *_on_chat("Unrecognized request argument supplied: {name}", None)),
        ),
    ),
)

ROWS: Final = (_OPENAI, _AZURE)
