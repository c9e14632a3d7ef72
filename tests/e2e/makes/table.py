"""One row per make: the facts about it that a client's task can meet.

Sources: ``../shared/reference/field-openai.md`` (D…), ``field-messages.md`` (B…), the makes' documentation, and the
reports that ``demands`` names; read in November 2026.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from daemon.simulate.demand import Demand
from daemon.simulate.relay import DEMANDS
from tests.e2e.makes import demands as d
from tests.e2e.makes.answers import CallId, absent, nine, numeric, spelled

OPENAI_ID: Final = spelled("call_{hex}{number:02d}")
COMMENT: Final = b": keep-alive\n\n"
MESSAGES_PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'


class Make(Struct, frozen=True, kw_only=True):
    """``profile`` is its name in config.yaml, ``name`` also says the wire where it has two. ``wire`` is what it is
    asked over, ``model`` one of its models. ``owned_by`` stands in its list of models, ``server`` in its headers.

    ``demands`` are looked at in their order, one is refused at a time. ``call_id`` makes the ids of calls; ``thinking``
    is the field of Chat that has the thinking ('' = none is shown, ``<think>`` = in the text, ``parts`` = in the
    content). ``whole_calls``: a call comes in one piece. ``usage``: see ``answers``. ``noise`` comes between the
    events."""

    profile: str
    wire: str = "chat"
    model: str
    name: str = ""
    owned_by: str = "system"
    server: str = ""
    demands: tuple[Demand, ...] = ()
    call_id: CallId = OPENAI_ID
    thinking: str = ""
    whole_calls: bool = False
    usage: str = "apart"
    noise: tuple[bytes, ...] = ()


_QWEN_TEMPLATE = d.system_first()
_TEXT_ONLY = (
    "Failed to deserialize the JSON body into the target type: messages[{index}]: unknown variant `{type}`,"
    " expected `text` at line 1 column 93247"
)

MAKES: Final[tuple[Make, ...]] = (
    Make(
        profile="openai",
        wire="responses",
        model="gpt-5.5",
        owned_by="system",
        demands=(
            d.unknown_names(
                ("temperature", "top_p"),
                "Unsupported parameter: '{name}' is not supported with this model.",
            ),
        ),
    ),
    Make(
        profile="anthropic",
        wire="messages",
        model="claude-sonnet-5",
        demands=(d.max_tokens_needed(), d.plain_ids()),
        noise=(MESSAGES_PING,),
    ),
    Make(
        profile="codex-relay",
        wire="responses",
        model="gpt-5-codex",
        demands=DEMANDS,
        noise=(
            b"event: codex.rate_limits\n"
            b'data: {"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}\n\n',
            b'event: keepalive\ndata: {"type":"keepalive","sequence_number":1}\n\n',
            b"data: \n\n",  # netease wave-agent#1326, cadis#362
        ),
    ),
    Make(
        profile="azure",
        wire="chat",
        model="gpt-5",
        demands=(
            d.unknown_names(("top_k", "enable_thinking", "thinking"), "Unrecognized request argument supplied: {name}"),
        ),
        noise=(
            b'data: {"choices":[],"created":0,"id":"","model":"","object":"",'
            b'"prompt_filter_results":[{"prompt_index":0}]}\n\n',
        ),
    ),
    Make(
        profile="vllm",
        model="Qwen/Qwen3-Coder-30B-A3B-Instruct",
        owned_by="vllm",
        server="uvicorn",
        demands=(
            _QWEN_TEMPLATE,
            d.unique_ids(),
            d.only_types(("text", "image_url", "video_url"), "Unknown part type: file", d.vllm),  # openwiki#63
        ),
        call_id=spelled("chatcmpl-tool-{hex}{number}"),
        thinking="reasoning",
    ),
    Make(
        profile="sglang",
        model="moonshotai/Kimi-K2.5",
        owned_by="sglang",
        server="uvicorn",
        demands=(d.system_first(d.bare),),
        call_id=spelled("functions.{name}:{number}"),  # vllm#50295, fireconnect#16: from 0 in each turn
        thinking="reasoning_content",
    ),
    Make(
        profile="llama.cpp",
        model="devstral-small-2-24b-instruct",
        owned_by="llamacpp",
        server="llama.cpp",
        demands=(
            # server-common.cpp
            d.only_types(("text", "image_url", "input_audio"), "unsupported content[].type"),
            d.alternating(
                d.llama_cpp,
                "Jinja Exception: After the optional system message, conversation roles must alternate user and"
                " assistant roles except for tool calls and results.",
                500,
            ),
        ),
        call_id=spelled("{hex}{number}"),
        thinking="reasoning_content",
    ),
    Make(
        profile="ollama",
        model="gpt-oss:20b",
        owned_by="library",
        call_id=spelled("call_{hex}{number}"),
        thinking="reasoning",
        whole_calls=True,
    ),
    Make(
        profile="lmstudio",
        model="google/gemma-3-27b",
        owned_by="organization_owner",
        demands=(
            d.text_content("Invalid 'messages' in payload: 'content' field must be a string or an array"),
            d.only_types(
                ("text", "image_url"),
                "Invalid 'content': 'content' objects must have a 'type' field that is either 'text' or 'image_url'",
                lambda sentence: {"error": sentence},
            ),
            d.alternating(
                lambda sentence: {"error": sentence},
                'Error rendering prompt with jinja template: "Conversation roles must alternate'
                ' user/assistant/user/assistant/...".',
            ),
        ),
        call_id=spelled("{number}00000000"),
    ),
    Make(
        profile="deepseek",
        model="deepseek-v4-flash",
        owned_by="deepseek",
        demands=(
            d.no_role(
                "developer",
                "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant"
                " `developer`, expected one of `system`, `user`, `assistant`, `tool` at line 1 column 41",
            ),
            d.thinking_back("The `reasoning_content` in the thinking mode must be passed back to the API."),
            d.most_tokens(8192, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
            d.text_only(_TEXT_ONLY),
        ),
        call_id=spelled("call_{number:02d}_{hex}"),
        thinking="reasoning_content",
        noise=(COMMENT,),
    ),
    Make(
        profile="kimi",
        model="kimi-k3",
        owned_by="moonshot",
        demands=(
            d.thinking_back(
                "thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}"
            ),
            d.only_one("temperature", 1, "invalid temperature: only 1 is allowed for this model"),
        ),
        call_id=spelled("{name}:{number}"),
        thinking="reasoning_content",
        usage="choice",
    ),
    Make(
        profile="glm",
        model="glm-5.2",
        owned_by="z-ai",
        # BigPizzaV3/CodexPlusPlus#1760, TriDefender/zcode-api#26
        demands=(d.text_only("messages.content.type 参数非法，取值范围 ['text']", d.glm),),
        thinking="reasoning_content",
    ),
    Make(
        profile="qwen",
        model="qwen3.5-plus",
        demands=(
            d.no_role(
                "developer",
                "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.0.role'",
            ),
            d.most_tokens(16384, "Range of max_tokens should be [1, 16384]"),
        ),
        thinking="reasoning_content",
    ),
    Make(
        profile="minimax",
        model="MiniMax-M3",
        owned_by="minimax",
        call_id=spelled("call_function_{hex}_{number}"),
        thinking="<think>",
    ),
    Make(
        profile="mistral",
        model="devstral-medium-latest",
        owned_by="mistralai",
        demands=(
            *(
                d.unknown_names((name,), name, d.mistral_extra, 422)
                for name in (
                    "stream_options",
                    "store",
                    "verbosity",
                    "prompt_cache_key",
                    "user",
                    "max_completion_tokens",
                )
            ),
            d.nine_letters(),
            d.no_user_after_tool(),
        ),
        call_id=nine,
        thinking="parts",
    ),
    Make(
        profile="groq",
        model="moonshotai/kimi-k2-instruct-0905",
        owned_by="Moonshot AI",
        demands=(
            d.no_reasoning_content(),
            d.most_tokens(
                16384,
                "`max_tokens` must be less than or equal to `16384`, the maximum value for `max_tokens` is less than"
                " the `context_window` for this model",
            ),
            d.text_only("messages[{index}].content must be a string"),
        ),
        call_id=spelled("functions.{name}:{number}"),
        thinking="reasoning",
        usage="x_groq",
    ),
    Make(
        profile="xai",
        model="grok-4",
        owned_by="xai",
        demands=(
            d.unknown_names(("stop",), "Argument not supported on this model: {name}", d.xai),
            d.unknown_names(("reasoning_effort",), "Model grok-4 does not support parameter reasoningEffort.", d.xai),
        ),
        thinking="reasoning_content",
    ),
    Make(
        profile="gemini",
        model="gemini-3.5-flash",
        owned_by="google",
        server="scaffolding on HTTPServer2",
        demands=tuple(
            d.unknown_names(
                (name,), f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.', d.gemini
            )
            for name in ("store", "verbosity", "prompt_cache_key", "metadata", "safety_identifier")
        ),
        call_id=absent,
        whole_calls=True,
        usage="every",
    ),
    Make(
        profile="openrouter",
        model="google/gemini-3.5-pro",
        demands=(d.unknown_names(("top_k",), "Unknown parameter: '{name}'.", d.openrouter),),
        call_id=spelled("tool_{number}_{name}"),
        thinking="reasoning",
        noise=(b": OPENROUTER PROCESSING\n\n",),
    ),
    Make(
        profile="fireworks",
        model="accounts/fireworks/models/glm-5p2",
        owned_by="fireworks",
        demands=(
            d.system_first(d.openai),
            d.unknown_names(("store",), "Extra inputs are not permitted, field: '{name}', value: False"),
        ),
        thinking="reasoning_content",
    ),
    Make(
        profile="nvidia",
        model="z-ai/glm5",
        owned_by="z-ai",
        demands=(d.system_first(d.bare),),
        call_id=numeric,  # opencode#19947, kilocode#5816
        thinking="reasoning_content",
    ),
    Make(
        profile="nvidia",
        name="nvidia llama",
        model="meta/llama-3.3-70b-instruct",
        owned_by="meta",
        demands=(d.single_calls(d.vllm),),
        call_id=spelled("chatcmpl-tool-{hex}{number}"),
    ),
    Make(
        profile="deepseek",
        name="deepseek messages",
        wire="messages",
        model="deepseek-v4-flash",
        demands=(
            d.no_role(
                "system",
                "Failed to deserialize the JSON body into the target type: messages[1].role: unknown variant `system`,"
                " expected `user` or `assistant` at line 1 column 5142",
                d.anthropic,
            ),
            d.text_only(_TEXT_ONLY, d.anthropic),
        ),
        call_id=spelled("call_{number:02d}_{hex}"),
        noise=(COMMENT,),
    ),
    Make(
        profile="kimi",
        name="kimi messages",
        wire="messages",
        model="kimi-k3",
        demands=(d.no_adaptive("Invalid request: thinking.type 'adaptive' is not supported"),),
        call_id=spelled("{name}:{number}"),
        noise=(b"event: ping\ndata: \n\n",),  # caozhiyuan/copilot-api#88
    ),
    Make(
        profile="minimax",
        name="minimax messages",
        wire="messages",
        model="MiniMax-M3",
        demands=(d.no_role("system", "invalid params, invalid role: system (2013)", d.anthropic),),
        call_id=spelled("call_function_{hex}_{number}"),
    ),
    Make(
        profile="glm",
        name="glm messages",
        wire="messages",
        model="glm-5.2",
        demands=(d.no_role("system", "messages[1].role: Input should be 'user' or 'assistant'", d.anthropic),),
        call_id=spelled("call_{hex}{number}"),
        noise=(MESSAGES_PING,),
    ),
)
BY_NAME: Final = {make.name or make.profile: make for make in MAKES}
