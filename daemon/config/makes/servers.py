"""Servers that people run themselves, at any address: known by who owns their models, and by their header."""

from __future__ import annotations

from typing import Final

from daemon.config.profile import Preset, Profile

# docs.vllm.ai/features/reasoning_outputs: enable_thinking (Qwen3, GLM) or thinking (DeepSeek, Granite) in
# chat_template_kwargs; ``reasoning``, in older versions ``reasoning_content``. ModelCard of vllm/entrypoints/openai:
# owned_by.
# "System message must be at the beginning": the templates of Qwen and others (litellm#39852, hermes-studio#2688).
_VLLM: Final = Profile(
    name="vllm",
    title="vLLM",
    wires=("chat", "responses", "messages"),
    owners=("vllm",),
    amendments=(("system first", ""),),
    thinking="chat_template_kwargs",
    shows="`reasoning` or `reasoning_content`",
    preset=Preset(base_urls={"chat": "http://127.0.0.1:8000/v1"}, model="Qwen/Qwen3-Coder-30B-A3B-Instruct"),
)

# docs.sglang.io/docs/advanced_features/separate_reasoning; ModelCard of sglang/srt/entrypoints/openai: owned_by.
# The system message as for vLLM.
_SGLANG: Final = Profile(
    name="sglang",
    title="SGLang",
    wires=("chat", "responses", "messages"),
    owners=("sglang",),
    amendments=(("system first", ""),),
    thinking="chat_template_kwargs",
    shows="`reasoning_content`",
    preset=Preset(base_urls={"chat": "http://127.0.0.1:30000/v1"}, model="Qwen/Qwen3-Coder-30B-A3B-Instruct"),
)

# ggml-org/llama.cpp tools/server: README (chat_template_kwargs, reasoning_content), server-http.cpp (the header),
# server-context.cpp (owned_by).
# The system message as for vLLM (llama.cpp#27367).
_LLAMA_CPP: Final = Profile(
    name="llama.cpp",
    title="llama.cpp's llama-server",
    wires=("chat", "responses", "messages"),
    owners=("llamacpp",),
    servers=("llama.cpp",),
    amendments=(("system first", ""),),
    thinking="chat_template_kwargs",
    shows="`reasoning_content`",
    preset=Preset(base_urls={"chat": "http://127.0.0.1:8080/v1"}, model="qwen3-coder-30b"),
)

# docs.ollama.com/api/openai-compatibility: reasoning_effort, "none" among its values. owned_by is the namespace of the
# model's name (openai/openai.go), "library" for Ollama's own.
_OLLAMA: Final = Profile(
    name="ollama",
    title="Ollama",
    wires=("chat", "responses", "messages"),
    hosts=("ollama.com",),
    owners=("library",),
    thinking="reasoning_effort",
    shows="`reasoning`",
    preset=Preset(base_urls={"chat": "http://127.0.0.1:11434/v1"}, model="qwen3-coder:30b"),
)

# lmstudio.ai/docs/developer/openai-compat; owned_by as public logs of its list show it.
# The system message as for vLLM. "'content' field must be a string or an array" (vercel/ai#13744).
_LMSTUDIO: Final = Profile(
    name="lmstudio",
    title="LM Studio",
    wires=("chat", "responses", "messages"),
    owners=("organization_owner",),
    amendments=(("system first", ""), ("empty content for null", "")),
    shows="`reasoning` or `reasoning_content`",
    preset=Preset(base_urls={"chat": "http://127.0.0.1:1234/v1"}, model="qwen/qwen3-coder-30b"),
)

ROWS: Final = (
    _VLLM,
    _SGLANG,
    _LLAMA_CPP,
    _OLLAMA,
    _LMSTUDIO,
)
