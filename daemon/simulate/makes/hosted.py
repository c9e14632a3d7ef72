"""Services that serve models of others or their own over Chat: Mistral, Groq, xAI, Gemini, OpenRouter, Fireworks and
NVIDIA.

Sources: the makes' documentation (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.makes import contents, envelopes, parameters, turns
from daemon.simulate.makes.call_ids import absent, by_model, nine, numeric, spelled
from daemon.simulate.makes.chat_habits import ChatHabits, chat_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.makes.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.model import Model

_LEVELS: Final = ("low", "medium", "high")

# --- Mistral ------------------------------------------------------------------------------------------

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


_MISTRAL: Final = Make(
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

# --- Groq ---------------------------------------------------------------------------------------------

_NO_GROQ: Final = parameters.known_model(
    envelopes.openai, "The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
)
_GROQ_LIMIT: Final = parameters.most_tokens(
    envelopes.openai,
    "`{name}` must be less than or equal to `{limit}`, the maximum value for `{name}` is less than the"
    " `context_window` for this model",
)
_GROQ: Final = Make(
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

# --- xAI ----------------------------------------------------------------------------------------------

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
_XAI: Final = Make(
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

# --- Gemini -------------------------------------------------------------------------------------------

_UNKNOWN_TO_GEMINI: Final = ("store", "verbosity", "prompt_cache_key", "metadata", "safety_identifier", "thinking")
_GEMINI: Final = Make(
    name="gemini",
    owner="google",
    models=(
        Model(name="models/gemini-3.5-flash", pattern="(models/)?gemini-3.*", context=1_048_576, output=65_536),
        Model(
            name="models/gemini-2.5-flash",
            pattern="(models/)?gemini-2.*",
            context=1_048_576,
            output=65_536,
            thinks=False,
        ),
    ),
    headers={"server": "scaffolding on HTTPServer2", "server-timing": "gfet4t7; dur=812"},
    bad_key=bad_key(envelopes.gemini, "API key not valid. Please pass a valid API key.", status=400),
    no_route=no_route(envelopes.plain_text, "Not Found"),
    apis=(
        Api(
            # openai-compatible answers of 2026: neither id nor index of a call, "stop" behind calls (python-genai#2868)
            wire=chat_wire(
                ChatHabits(
                    call_id=absent,
                    whole_calls=True,
                    indexed=False,
                    signed=True,
                    usage="every",
                    finish={"tool_calls": "stop"},
                ),
                envelopes.gemini,
            ),
            base="/v1beta/openai",
            thoughts="never",
            demands=(
                parameters.known_model(
                    envelopes.gemini,
                    "models/{model} is not found for API version v1main, or is not supported for generateContent. Call"
                    " ListModels to see the list of available models and their supported methods.",
                    code="NOT_FOUND",
                ),
                *(
                    parameters.unknown_names(
                        (name,),
                        envelopes.gemini,
                        'Invalid JSON payload received. Unknown name "{name}": Cannot find field.',
                    )
                    for name in _UNKNOWN_TO_GEMINI
                ),
                contents.signatures_back(envelopes.gemini),
                parameters.context(
                    envelopes.gemini,
                    "The input token count ({prompt}) exceeds the maximum number of tokens allowed ({limit}).",
                ),
            ),
        ),
    ),
)

# --- OpenRouter ---------------------------------------------------------------------------------------

_NO_OPENROUTER: Final = parameters.known_model(envelopes.openrouter, "{model} is not a valid model ID", status=400)
_SIGHT: Final = contents.text_only(
    envelopes.openrouter, "No endpoints found that support image input", status=404, code="404"
)
_OPENROUTER: Final = Make(
    name="openrouter",
    models=(
        Model(name="deepseek/deepseek-v4-flash", context=1_000_000, images=False),
        Model(name="google/gemini-3.5-pro", pattern="google/.*|openai/.*|anthropic/.*", context=1_000_000),
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

# --- Fireworks ----------------------------------------------------------------------------------------

_NO_FIREWORKS: Final = parameters.known_model(
    envelopes.fireworks, "Model not found, inaccessible, and/or not deployed", code="NOT_FOUND"
)
_FIREWORKS: Final = Make(
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

# --- NVIDIA -------------------------------------------------------------------------------------------

_NVIDIA: Final = Make(
    name="nvidia",
    owner="z-ai",
    models=(
        Model(name="z-ai/glm5", context=202_752, template="system first", images=False),
        Model(name="meta/llama-3.3-70b-instruct", context=131_072, template="single calls", thinks=False, images=False),
    ),
    request_id="nvcf-reqid",
    headers={"nvcf-status": "fulfilled"},
    bad_key=bad_key(envelopes.titled, "Authentication failed", kind="Unauthorized", code="401"),
    no_route=no_route(envelopes.plain_text, "404 page not found"),
    apis=(
        Api(
            # Numbers for ids: opencode#19947, kilocode#5816
            wire=chat_wire(
                ChatHabits(
                    call_id=by_model("z-ai/", numeric, spelled("chatcmpl-tool-{hex}{number}")),
                    nulls=("content", "reasoning_content"),
                ),
                envelopes.bare,
            ),
            thoughts="always",
            demands=(
                parameters.known_model(
                    envelopes.titled,
                    "Function '00000000-0000-0000-0000-000000000000': Not found for account 'simulated'",
                    kind="Not Found",
                    code="404",
                ),
                turns.system_first(envelopes.bare),
                turns.single_calls(envelopes.vllm),
                contents.text_only(envelopes.bare, "Content as a list is only supported with text parts"),
            ),
        ),
    ),
)

ROWS: Final = (_MISTRAL, _GROQ, _XAI, _GEMINI, _OPENROUTER, _FIREWORKS, _NVIDIA)
