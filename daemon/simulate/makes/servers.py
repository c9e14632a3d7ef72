"""Servers that people run themselves: vLLM, SGLang, llama.cpp, Ollama and LM Studio.

Sources: their documentation and code (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Demand
from daemon.simulate.habits.call_ids import spelled
from daemon.simulate.habits.chat_habits import ChatHabits, chat_wire
from daemon.simulate.habits.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.habits.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.model import Model
from daemon.simulate.rules import contents, envelopes, parameters, turns
from daemon.simulate.rules.envelopes import Envelope
from daemon.simulate.wire import Wire

_ALTERNATE: Final = (
    "After the optional system message, conversation roles must alternate user and assistant roles except for tool"
    " calls and results."
)


def _others(says: Envelope, *demands: Demand, call_id: str = "call_{hex}{number}") -> tuple[Api, ...]:
    """The two other APIs of such a server, which make little of what they do not know."""
    wires: tuple[Wire, ...] = (
        responses_wire(ResponsesHabits(plain=True), says),
        messages_wire(MessagesHabits(call_id=spelled(call_id), signature="", pings=False)),
    )
    return tuple(Api(wire=wire, thoughts="always", demands=demands) for wire in wires)


# --- vLLM ---------------------------------------------------------------------------------------------

_NO_VLLM: Final = parameters.known_model(
    envelopes.vllm, "The model `{model}` does not exist.", kind="NotFoundError", param="model"
)
_VLLM: Final = Make(
    name="vllm",
    owner="vllm",
    models=(
        Model(name="Qwen/Qwen3-Coder-30B-A3B-Instruct", context=262_144, template="system first"),
        Model(name="mistralai/Devstral-Small-2507", context=131_072, template="alternating", thinks=False),
    ),
    headers={"server": "uvicorn"},
    bad_key=bad_key(envelopes.text_error, "Unauthorized"),
    no_route=no_route(lambda problem: {"detail": problem.message}, "Not Found"),
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(call_id=spelled("chatcmpl-tool-{hex}{number}"), thinking="reasoning"), envelopes.vllm
            ),
            thoughts="always",
            demands=(
                _NO_VLLM,
                turns.system_first(envelopes.vllm),
                turns.alternating(envelopes.vllm, _ALTERNATE),
                contents.unique_ids(envelopes.vllm),
                # openwiki#63
                contents.only_types((*contents.TEXTS, *contents.IMAGES), envelopes.vllm, "Unknown part type: {type}"),
                parameters.context(
                    envelopes.vllm,
                    "This model's maximum context length is {limit} tokens. However, your request has {prompt} input"
                    " tokens. Please reduce the length of the input messages.",
                    "'max_tokens' or 'max_completion_tokens' is too large: {answer}. This model's maximum context"
                    " length is {limit} tokens and your request has {prompt} input tokens ({answer} > {limit} -"
                    " {prompt}).",
                ),
            ),
        ),
        *_others(envelopes.vllm, _NO_VLLM, call_id="chatcmpl-tool-{hex}{number}"),
    ),
)

# --- SGLang -------------------------------------------------------------------------------------------

_SGLANG: Final = Make(
    name="sglang",
    owner="sglang",
    # It does not look at the name.
    models=(Model(name="moonshotai/Kimi-K2.5", pattern=".*", context=262_144, template="system first"),),
    headers={"server": "uvicorn"},
    bad_key=bad_key(envelopes.text_error, "Unauthorized"),
    no_route=no_route(lambda problem: {"detail": problem.message}, "Not Found"),
    apis=(
        Api(
            # vllm#50295, fireconnect#16: from 0 in each turn
            wire=chat_wire(
                ChatHabits(call_id=spelled("functions.{name}:{number}"), nulls=("role", "content", "tool_calls")),
                envelopes.bare,
            ),
            thoughts="always",
            demands=(
                turns.system_first(envelopes.bare),
                # free-claude-code#263
                parameters.context(
                    envelopes.bare,
                    "The input ({prompt} tokens) is longer than the model's context length ({limit} tokens).",
                    "Requested token count exceeds the model's maximum context length of {limit} tokens. You requested"
                    " a total of {sum} tokens: {prompt} tokens from the input messages and {answer} tokens for the"
                    " completion. Please reduce the number of tokens in the input messages or the completion to fit"
                    " within the limit.",
                ),
            ),
        ),
        *_others(envelopes.bare, call_id="functions_{name}_{number}"),
    ),
)

# --- llama.cpp ----------------------------------------------------------------------------------------

_LLAMA_CPP: Final = Make(
    name="llama.cpp",
    owner="llamacpp",
    models=(
        Model(name="qwen3-coder-30b", pattern="qwen.*", context=131_072, template="system first"),
        # One model is loaded, and answers to any name.
        Model(name="devstral-small-2-24b-instruct", pattern=".*", context=131_072, template="alternating"),
    ),
    headers={"server": "llama.cpp"},
    bad_key=bad_key(envelopes.llama_cpp, "Invalid API Key"),
    no_route=no_route(envelopes.llama_cpp, "File Not Found", kind="not_found_error"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("{hex}{number}"), nulls=("content",)), envelopes.llama_cpp),
            thoughts="always",
            demands=(
                # server-common.cpp
                contents.only_types(
                    (*contents.TEXTS, "image_url", "input_audio"), envelopes.llama_cpp, "unsupported content[].type"
                ),
                turns.system_first(
                    envelopes.template, "Jinja Exception: System message must be at the beginning.", status=500
                ),
                turns.alternating(envelopes.template, f"Jinja Exception: {_ALTERNATE}", status=500),
                parameters.context(
                    envelopes.llama_cpp,
                    "request ({prompt} tokens) exceeds the available context size ({limit} tokens), try increasing it",
                    kind="exceed_context_size_error",
                ),
            ),
        ),
        *_others(envelopes.llama_cpp),
    ),
)

# --- Ollama -------------------------------------------------------------------------------------------

_NO_OLLAMA: Final = parameters.known_model(envelopes.openai, "model '{model}' not found", kind="not_found_error")
_OLLAMA_EFFORTS: Final = parameters.efforts(
    envelopes.openai,
    'invalid reasoning value: "{effort}" (must be {efforts})',
    '"{model}" does not support thinking',
)
_OLLAMA: Final = Make(
    name="ollama",
    owner="library",
    models=(
        Model(name="gpt-oss:20b", pattern="gpt-oss:.*", efforts=("high", "medium", "low", "none"), images=False),
        Model(name="qwen3-coder:30b", pattern="qwen3-coder.*", efforts=("none",), thinks=False, images=False),
    ),
    bad_key=bad_key(envelopes.text_error, "unauthorized"),
    no_route=no_route(envelopes.plain_text, "404 page not found"),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("call_{hex}{number}"), thinking="reasoning", whole_calls=True)),
            thoughts="always",
            demands=(
                _NO_OLLAMA,
                *_OLLAMA_EFFORTS,
                # ollama#17774
                contents.text_only(envelopes.openai, "this model is missing data required for image input"),
            ),
        ),
        *_others(envelopes.openai, _NO_OLLAMA),
    ),
)

# --- LM Studio ----------------------------------------------------------------------------------------

_LMSTUDIO: Final = Make(
    name="lmstudio",
    owner="organization_owner",
    models=(Model(name="qwen/qwen3-coder-30b", context=262_144, template="alternating", images=False),),
    headers={"x-powered-by": "Express"},
    bad_key=bad_key(envelopes.text_error, "Invalid API key"),
    # It says so with 200.
    no_route=no_route(envelopes.text_error, "Unexpected endpoint or method. (POST {path})", status=200),
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("{number}00000000")), envelopes.text_error),
            thoughts="always",
            demands=(
                parameters.known_model(
                    envelopes.openai,
                    'Failed to load model "{model}". Error: Model does not exist.',
                    code="model_not_found",
                    param="model",
                ),
                # vercel/ai#13744
                contents.content_not_null(
                    envelopes.text_error,
                    "Invalid 'messages' in payload: 'content' field must be a string or an array of objects.",
                ),
                parameters.word_of_tool_choice(
                    envelopes.text_error,
                    "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
                ),
                turns.alternating(
                    envelopes.text_error,
                    'Error rendering prompt with jinja template: "Conversation roles must alternate'
                    ' user/assistant/user/assistant/...".',
                ),
            ),
        ),
        *_others(envelopes.openai),
    ),
)

ROWS: Final = (_VLLM, _SGLANG, _LLAMA_CPP, _OLLAMA, _LMSTUDIO)
