"""DeepSeek, Kimi, GLM, Qwen and MiniMax: each thinks unless it is asked not to, and has a Messages API as well.

Sources: the makes' documentation (November 2026), and the public reports that are named.
"""

from __future__ import annotations

from typing import Final

from daemon.simulate.demand import Demand
from daemon.simulate.makes import contents, envelopes, parameters, turns
from daemon.simulate.makes.call_ids import spelled
from daemon.simulate.makes.chat_habits import ChatHabits, chat_wire
from daemon.simulate.makes.envelopes import Envelope
from daemon.simulate.makes.make import Api, Make, bad_key, no_route
from daemon.simulate.makes.messages_habits import MessagesHabits, messages_wire
from daemon.simulate.makes.responses_habits import ResponsesHabits, responses_wire
from daemon.simulate.model import Model

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'

# --- DeepSeek -----------------------------------------------------------------------------------------

_UNREADABLE: Final = "Failed to deserialize the JSON body into the target type: messages[{index}]"
_DEEPSEEK_CODE: Final = "invalid_request_error"
_DEEPSEEK_NUMBER: Final = spelled("call_{number:02d}_{hex}")


def _deepseek(says: Envelope, *demands: Demand) -> tuple[Demand, ...]:
    return (
        # Paper2Slides#37, autoshorts#33
        parameters.known_model(
            says,
            "The supported API model names are deepseek-v4-pro or deepseek-v4-flash, but you passed {model}.",
            status=400,
            code=_DEEPSEEK_CODE,
        ),
        parameters.most_tokens(says, "Invalid max_tokens value, the valid range of max_tokens is [1, {limit}]"),
        contents.text_only(
            says,
            f"{_UNREADABLE}: unknown variant `{{type}}`, expected `text` at line 1 column 93247",
            code=_DEEPSEEK_CODE,
        ),
        *demands,
    )


_DEEPSEEK: Final = Make(
    name="deepseek",
    owner="deepseek",
    models=(
        Model(name="deepseek-v4-flash", context=1_000_000, output=393_216, images=False),
        Model(name="deepseek-v4-pro", context=1_000_000, output=393_216, images=False),
        Model(name="deepseek-chat", context=131_072, output=8_192, thinks=False, images=False),
    ),
    request_id="x-ds-trace-id",
    headers={"server": "openresty"},
    bad_key=bad_key(envelopes.openai, "Authentication Fails, Your api key: ****ated is invalid", code=_DEEPSEEK_CODE),
    no_route=no_route(envelopes.openai, "Not Found. Please check the configuration."),
    apis=(
        Api(
            wire=chat_wire(
                ChatHabits(
                    call_id=_DEEPSEEK_NUMBER, usage="last", nulls=("content", "reasoning_content"), noise=(_KEEP_ALIVE,)
                )
            ),
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                turns.no_role(
                    "developer",
                    envelopes.openai,
                    f"{_UNREADABLE}.role: unknown variant `developer`, expected one of `system`, `user`, `assistant`,"
                    " `tool` at line 1 column 41",
                    code=_DEEPSEEK_CODE,
                ),
                turns.answered_calls(
                    envelopes.openai,
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                    " 'tool_call_id'. (insufficient tool messages following tool_calls message)",
                    code=_DEEPSEEK_CODE,
                ),
                contents.thinking_back(
                    envelopes.openai,
                    "The `reasoning_content` in the thinking mode must be passed back to the API.",
                    code=_DEEPSEEK_CODE,
                ),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(call_id=_DEEPSEEK_NUMBER, signature="00000000", noise=(_KEEP_ALIVE,)), envelopes.openai
            ),
            base="/anthropic/v1",
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                # awesome-deepseek#639
                turns.no_role(
                    "system",
                    envelopes.openai,
                    f"{_UNREADABLE}.role: unknown variant `system`, expected `user` or `assistant` at line 1 column"
                    " 5142",
                    code=_DEEPSEEK_CODE,
                ),
                contents.thinking_blocks_back(
                    envelopes.openai, "The `content[].thinking` in the thinking mode must be passed back to the API."
                ),
            ),
        ),
        Api(
            wire=responses_wire(ResponsesHabits(plain=True)),
            thoughts="always",
            demands=_deepseek(
                envelopes.openai,
                contents.reasoning_items_back(
                    envelopes.openai, "The `reasoning_text` in the thinking mode must be passed back to the API."
                ),
            ),
        ),
    ),
)

# --- Kimi ---------------------------------------------------------------------------------------------

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


_KIMI: Final = Make(
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

# --- GLM ----------------------------------------------------------------------------------------------

# hermes-agent#7475: 400 and 1211, on the Messages API as well.
_NO_GLM: Final = parameters.known_model(envelopes.glm, "模型不存在，请检查模型代码。", status=400, code="1211")
_GLM: Final = Make(
    name="glm",
    owner="z-ai",
    models=(
        Model(name="glm-5.2", context=200_000, output=131_072, images=False),
        Model(name="glm-4.7", context=200_000, output=131_072, images=False),
        Model(name="glm-4.5v", context=65_536, output=16_384),
    ),
    headers={"server": "ESA"},
    bad_key=bad_key(envelopes.glm, "身份验证失败。", code="1000"),
    no_route=no_route(envelopes.text_error, "Not Found"),  # autoflow#281
    apis=(
        Api(
            wire=chat_wire(ChatHabits(call_id=spelled("call_{hex}{number}"), usage="last"), envelopes.glm),
            base="/api/paas/v4",
            thoughts="always",
            demands=(
                _NO_GLM,
                # CodexPlusPlus#1760, zcode-api#26
                contents.text_only(envelopes.glm, "messages.content.type 参数非法，取值范围 ['text']"),
                parameters.free_tool_choice(
                    envelopes.glm, "tool_choice only supports 'auto'. 该模型不支持 the provided 'tool_choice' value"
                ),
                parameters.most_tokens(envelopes.glm, "max_tokens 参数非法。最大值为 {limit}"),
                parameters.context(envelopes.glm, "Prompt 超长", code="1261"),
            ),
        ),
        Api(
            wire=messages_wire(
                MessagesHabits(call_id=spelled("call_{hex}{number}"), signature="", late_usage=True, noise=(_PING,)),
                envelopes.glm,
            ),
            base="/api/anthropic/v1",
            thoughts="always",
            demands=(
                _NO_GLM,
                # GLM-5#74
                turns.no_role("system", envelopes.glm, "messages[{index}].role: Input should be 'user' or 'assistant'"),
            ),
        ),
    ),
)

# --- Qwen ---------------------------------------------------------------------------------------------

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
_QWEN: Final = Make(
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

# --- MiniMax ------------------------------------------------------------------------------------------

_NO_MINIMAX: Final = parameters.known_model(
    envelopes.minimax, "invalid params, unknown model '{model}' (2013)", status=400
)
_MINIMAX_NUMBER: Final = spelled("call_function_{hex}_{number}")
_MINIMAX: Final = Make(
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
                ChatHabits(call_id=_MINIMAX_NUMBER, thinking="<think>", usage="always apart"), envelopes.minimax
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

ROWS: Final = (_DEEPSEEK, _KIMI, _GLM, _QWEN, _MINIMAX)
