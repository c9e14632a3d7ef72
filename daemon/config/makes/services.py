"""Services at hosts of their own, and relays in front of them."""

from __future__ import annotations

from typing import Final

from daemon.config.profile import OPENAI_MODELS, Preset, Profile

# developers.openai.com/api: reasoning_effort, from "none" on since gpt-5.1.
_OPENAI: Final = Profile(
    name="openai",
    title="OpenAI",
    wires=("responses", "chat"),
    hosts=("api.openai.com",),
    thinking="reasoning_effort",
    knows_users=True,
    shows="summaries, on the Responses wire",
    effort_models=OPENAI_MODELS,
    preset=Preset(
        base_urls={"responses": "https://api.openai.com/v1", "chat": "https://api.openai.com/v1"},
        key="OPENAI_API_KEY",
        model="gpt-5.5",
    ),
)

# docs.claude.com: the Messages API, and an endpoint in the form of Chat for trials.
_ANTHROPIC: Final = Profile(
    name="anthropic",
    title="Anthropic",
    wires=("messages", "chat"),
    hosts=("api.anthropic.com",),
    knows_users=True,
    shows="`thinking` blocks",
    preset=Preset(
        base_urls={"messages": "https://api.anthropic.com/v1"}, key="ANTHROPIC_API_KEY", model="claude-sonnet-5"
    ),
)

# Hosts: each is listed with ``wire_api = "responses"`` in public Codex configurations of 2025 and 2026
# (``codex-api.packycode.com/v1``, ``www.packyapi.com/v1``, ``www.88code.org/openai/v1``, ``co.yes.vg/v1``,
# ``jp.duckcoding.com/v1``, ``code.newcli.com/codex/v1`` = foxcode, ``right.codes/codex/v1``, ``anyrouter.top/v1``,
# ``api.aicodewith.com/chatgpt/v1``). Path: chatgpt.com itself, and relays that copy it.
# Parameters: what the ChatGPT backend refuses ("Unsupported parameter: …"), where the lists of codex-lb,
# claude-relay-service, codex2api and CLIProxyAPI agree.
_CODEX_RELAY: Final = Profile(
    name="codex-relay",
    title="relays in front of ChatGPT accounts (new-api, sub2api, claude-relay-service and similar ones)",
    wires=("responses",),
    hosts=(
        "packycode.com",
        "packyapi.com",
        "88code.org",
        "88code.ai",
        "yes.vg",
        "duckcoding.com",
        "duckcoding.ai",
        "newcli.com",
        "right.codes",
        "anyrouter.top",
        "aicodewith.com",
    ),
    paths=("/backend-api/codex",),
    amendments=(("shape of Codex", ""), ("service tier of Codex", "")),
    unsupported={
        "responses": (
            "max_output_tokens",
            "temperature",
            "top_p",
            "user",
            "metadata",
            "truncation",
            "prompt_cache_retention",
            "safety_identifier",
        ),
    },
    shows="summaries",
    effort_models=OPENAI_MODELS,
    preset=Preset(base_urls={"responses": "https://relay.example/v1"}, key="RELAY_API_KEY", model="gpt-5-codex"),
)

# learn.microsoft.com/azure/ai-foundry/openai: the v1 API of OpenAI under the resource's own host, also as
# services.ai.azure.com and cognitiveservices.azure.com.
_AZURE: Final = Profile(
    name="azure",
    title="Azure OpenAI",
    wires=("responses", "chat"),
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    thinking="reasoning_effort",
    knows_users=True,
    shows="summaries, on the Responses wire",
    effort_models=OPENAI_MODELS,
    preset=Preset(
        base_urls={
            "responses": "https://my-resource.openai.azure.com/openai/v1",
            "chat": "https://my-resource.openai.azure.com/openai/v1",
        },
        key="AZURE_OPENAI_API_KEY",
        model="gpt-5.5",
    ),
)

# api-docs.deepseek.com/guides/thinking_mode: thinking.type beside reasoning_effort; the three APIs.
# "unknown variant `developer`"; "The `reasoning_content` in the thinking mode must be passed back" (CLIProxyAPI#5991).
# Messages: "unknown variant `system`, expected `user` or `assistant`" (awesome-deepseek#639).
_DEEPSEEK: Final = Profile(
    name="deepseek",
    title="DeepSeek",
    wires=("chat", "messages", "responses"),
    hosts=("api.deepseek.com",),
    owners=("deepseek",),
    amendments=(
        ("developer is system", ""),
        ("reasoning placeholder", "reasoning_content"),
        ("reasoning text placeholder", ""),
        ("system messages as text", ""),
    ),
    thinking="thinking",
    shows="`reasoning_content`",
    preset=Preset(
        base_urls={"chat": "https://api.deepseek.com/v1", "messages": "https://api.deepseek.com/anthropic/v1"},
        key="DEEPSEEK_API_KEY",
        model="deepseek-v4-flash",
    ),
)

# platform.kimi.ai/docs/api/models-overview: thinking.type (kimi-k2.5 and k2.6; later ones always think), top-level
# reasoning_effort from kimi-k3 on.
# "thinking is enabled but reasoning_content is missing in assistant tool call message" (new-api#3121, opencode#10996).
_KIMI: Final = Profile(
    name="kimi",
    title="Kimi (Moonshot AI)",
    wires=("chat", "messages"),
    hosts=("api.moonshot.ai", "api.moonshot.cn", "api.kimi.com"),
    owners=("moonshot",),
    amendments=(("reasoning placeholder", "reasoning_content"),),
    thinking="thinking",
    shows="`reasoning_content`",
    preset=Preset(
        base_urls={"chat": "https://api.moonshot.ai/v1", "messages": "https://api.moonshot.ai/anthropic/v1"},
        key="MOONSHOT_API_KEY",
        model="kimi-k3",
    ),
)

# docs.z.ai: thinking.type since GLM-4.5, reasoning_effort since GLM-5.2; api.z.ai/api/anthropic for Claude Code.
# tool_choice is "auto" alone (agentscope's formatter for GLM says the same). Messages: a role is user or assistant
# (zai-org/GLM-5#74).
_GLM: Final = Profile(
    name="glm",
    title="GLM (Z.ai, Zhipu)",
    wires=("chat", "messages"),
    hosts=("api.z.ai", "open.bigmodel.cn"),
    owners=("z-ai",),
    amendments=(("tool choice is free", ""), ("system messages as text", "")),
    thinking="thinking",
    shows="`reasoning_content`",
    preset=Preset(
        base_urls={"chat": "https://api.z.ai/api/paas/v4", "messages": "https://api.z.ai/api/anthropic/v1"},
        key="ZAI_API_KEY",
        model="glm-5.2",
    ),
)

# alibabacloud.com/help/en/model-studio: enable_thinking, thinking_budget (deep-thinking); hosts by region and by
# workspace (compatibility-of-openai-with-dashscope, anthropic-api-messages).
# "'developer' is not one of ['system', 'assistant', …]" (DashScope).
_QWEN: Final = Profile(
    name="qwen",
    title="Qwen (Alibaba Cloud Model Studio, DashScope)",
    wires=("chat", "messages", "responses"),
    hosts=(
        "dashscope.aliyuncs.com",
        "dashscope-intl.aliyuncs.com",
        "dashscope-us.aliyuncs.com",
        "maas.aliyuncs.com",
    ),
    amendments=(("developer is system", ""),),
    thinking="enable_thinking",
    shows="`reasoning_content`",
    preset=Preset(
        base_urls={
            "chat": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            "messages": "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1",
        },
        key="DASHSCOPE_API_KEY",
        model="qwen3.5-plus",
    ),
)

# platform.minimax.io/docs/api-reference: thinking.type "adaptive" or "disabled" (MiniMax-M3), no reasoning_effort
# (agentscope's formatter for MiniMax says the same). Messages: "invalid role: system" (MiniMax-M2.7#43). Chat, of two
# system messages: "invalid chat setting" (openclaw#19386, CodexPlusPlus#267).
# Responses: bifrost#7320.
_MINIMAX: Final = Profile(
    name="minimax",
    title="MiniMax",
    wires=("chat", "messages", "responses"),
    hosts=("api.minimax.io", "api.minimaxi.com", "api.minimax.chat"),
    owners=("minimax",),
    amendments=(("system first", ""), ("system messages as text", "")),
    thinking="adaptive thinking",
    shows="`<think>` in the text, or `reasoning_details`",
    preset=Preset(
        base_urls={"chat": "https://api.minimax.io/v1", "messages": "https://api.minimax.io/anthropic/v1"},
        key="MINIMAX_API_KEY",
        model="MiniMax-M3",
    ),
)

# docs.mistral.ai/inference/conversations/reasoning: reasoning_effort, "none" among its values; thinking is a part of
# the content. Ids of calls: mistral-common, "must be a-z, A-Z, 0-9, with a length of 9".
_MISTRAL: Final = Profile(
    name="mistral",
    title="Mistral",
    wires=("chat",),
    hosts=("api.mistral.ai", "codestral.mistral.ai"),
    owners=("mistralai",),
    amendments=(("call ids", "length of 9"),),
    thinking="reasoning_effort",
    shows="`thinking` parts of the content",
    preset=Preset(
        base_urls={"chat": "https://api.mistral.ai/v1"}, key="MISTRAL_API_KEY", model="mistral-medium-latest"
    ),
)

# console.groq.com/docs/openai: "The following fields … will result in a 400 error"; docs/reasoning: reasoning_effort,
# "none" for Qwen3; groq-python: ``reasoning``.
# "property 'reasoning_content' is unsupported" (freellmapi#1070, jan#8136).
_GROQ: Final = Profile(
    name="groq",
    title="Groq",
    wires=("chat", "responses"),
    hosts=("api.groq.com",),
    amendments=(("leave out field", "messages.reasoning_content"),),
    unsupported={"chat": ("logprobs", "top_logprobs", "logit_bias")},
    thinking="reasoning_effort",
    shows="`reasoning`",
    preset=Preset(
        base_urls={"chat": "https://api.groq.com/openai/v1"}, key="GROQ_API_KEY", model="openai/gpt-oss-120b"
    ),
)

# docs.x.ai/developers/model-capabilities/text/reasoning: reasoning_effort from grok-4.3 on, "none" among its values;
# older models refuse it by name.
_XAI: Final = Profile(
    name="xai",
    title="xAI (Grok)",
    wires=("responses", "chat", "messages"),
    hosts=("api.x.ai",),
    owners=("xai",),
    thinking="reasoning_effort",
    shows="`reasoning_content`, of some models",
    preset=Preset(
        base_urls={"chat": "https://api.x.ai/v1", "responses": "https://api.x.ai/v1"},
        key="XAI_API_KEY",
        model="grok-4.3",
    ),
)

# ai.google.dev/gemini-api/docs/openai: reasoning_effort, "none" for those that may be asked not to think.
# "Function call is missing a thought_signature in functionCall parts" (openclaude#583, paws#103).
_GEMINI: Final = Profile(
    name="gemini",
    title="Gemini (Google AI Studio)",
    wires=("chat",),
    hosts=("generativelanguage.googleapis.com",),
    amendments=(("signed calls", ""),),
    thinking="reasoning_effort",
    shows="nothing unless asked",
    preset=Preset(
        base_urls={"chat": "https://generativelanguage.googleapis.com/v1beta/openai"},
        key="GEMINI_API_KEY",
        model="gemini-3.5-flash",
    ),
)

# openrouter.ai/docs/use-cases/reasoning-tokens: the object ``reasoning``, in requests and in answers.
_OPENROUTER: Final = Profile(
    name="openrouter",
    title="OpenRouter",
    wires=("chat", "responses", "messages"),
    hosts=("openrouter.ai",),
    thinking="reasoning",
    shows="`reasoning` and `reasoning_details`",
    preset=Preset(
        base_urls={"chat": "https://openrouter.ai/api/v1"}, key="OPENROUTER_API_KEY", model="deepseek/deepseek-v4-flash"
    ),
)

# docs.fireworks.ai/guides/reasoning: reasoning_effort, "none" among its values. "Extra inputs are not permitted, field:
# 'store'" (mnfst/llm-gateway#1177).
_FIREWORKS: Final = Profile(
    name="fireworks",
    title="Fireworks AI",
    wires=("chat", "responses", "messages"),
    hosts=("api.fireworks.ai",),
    unsupported={"chat": ("store",)},
    thinking="reasoning_effort",
    shows="`reasoning_content`",
    preset=Preset(
        base_urls={"chat": "https://api.fireworks.ai/inference/v1"},
        key="FIREWORKS_API_KEY",
        model="accounts/fireworks/models/glm-5p2",
    ),
)

# build.nvidia.com (model cards): chat_template_kwargs; anomalyco/opencode#13584 shows request and answer.
_NVIDIA: Final = Profile(
    name="nvidia",
    title="NVIDIA NIM (build.nvidia.com)",
    wires=("chat",),
    hosts=("integrate.api.nvidia.com",),
    thinking="chat_template_kwargs",
    shows="`reasoning_content`",
    preset=Preset(base_urls={"chat": "https://integrate.api.nvidia.com/v1"}, key="NVIDIA_API_KEY", model="z-ai/glm5"),
)

ROWS: Final = (
    _OPENAI,
    _ANTHROPIC,
    _CODEX_RELAY,
    _AZURE,
    _DEEPSEEK,
    _KIMI,
    _GLM,
    _QWEN,
    _MINIMAX,
    _MISTRAL,
    _GROQ,
    _XAI,
    _GEMINI,
    _OPENROUTER,
    _FIREWORKS,
    _NVIDIA,
)
