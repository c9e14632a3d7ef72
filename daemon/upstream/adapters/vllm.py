"""``vllm``: a vLLM server: Chat Completions, and often no key; then no Authorization is sent.

Providers of config.yaml say a wire, not a type, and are served as ``openai``: the key is optional in every type.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from daemon.upstream.adapters.openai import OPENAI

VLLM: Final = replace(OPENAI, type="vllm", profile="vllm", keyless=True)
