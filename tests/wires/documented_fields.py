"""Every field at the top level of the three APIs, toward the two other wires.

The names are those of the SDKs on 2026-11-28 (anthropic 2.14, beta included; openai 3.57). Per field: what the client
says, and what becomes of it toward either of the other wires: ``written``, ``lost`` (reported under its own name, or
under the name that stands there), ``refused`` (400), or ``not missed``.
"""

from __future__ import annotations

from typing import Any

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FUNCTION = {"name": "f", "parameters": SCHEMA}
BASE: dict[str, dict[str, Any]] = {
    "messages": {
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "go"}],
        "tools": [{"name": "f", "input_schema": SCHEMA}],
    },
    "responses": {"input": "go", "tools": [{"type": "function", **FUNCTION}]},
    "chat": {"messages": [{"role": "user", "content": "go"}], "tools": [{"type": "function", "function": FUNCTION}]},
}
W, L, N, R = "written", "lost", "not missed", "refused"

FIELDS: dict[str, dict[str, tuple[Any, str, str]]] = {
    # toward responses, toward chat
    "messages": {
        "billing_policy": ({"type": "credits"}, L, L),
        "cache_control": ({"type": "ephemeral", "ttl": "1h"}, N, N),
        "compaction": ({"type": "auto"}, L, L),
        "container": ("container_1", L, L),
        "context_management": (
            {"edits": [{"type": "compact_20260112"}]},
            "context_management.compact_20260112",
            "context_management.compact_20260112",
        ),
        "diagnostics": ({"previous_message_id": "msg_1"}, L, L),
        "fallback_credit_token": ("t", L, L),
        "fallbacks": ([{"model": "claude-x"}], L, L),
        "inference_geo": ("eu", L, L),
        "max_tokens": (8000, W, W),
        "mcp_servers": ([{"type": "url", "url": "https://m", "name": "m"}], L, L),
        "messages": ([{"role": "user", "content": "stop"}], W, W),
        "metadata": ({"user_id": "u_1"}, "metadata.user_id", "metadata.user_id"),
        "output_config": ({"effort": "low"}, W, W),
        "service_tier": ("standard_only", N, N),
        "speed": ("fast", W, W),
        "stop_sequences": (["END"], N, W),  # the gateway watches for it
        "stream": (True, N, N),  # upstreams are always asked for a stream
        "system": ("be brief", W, W),
        "temperature": (0.5, W, W),
        "thinking": ({"type": "enabled", "budget_tokens": 2000}, W, W),
        "thread": ({"type": "create"}, R, R),
        "tool_choice": ({"type": "any"}, W, W),
        "tools": ([{"name": "g", "input_schema": SCHEMA}], W, W),
        "top_k": (5, L, L),
        "top_p": (0.5, W, W),
        "user_profile_id": ("up_1", L, L),
        "workspace_id": ("w_1", L, L),
        "field_of_tomorrow": (1, L, L),
        "no field, but text": (1, "unnamed", "unnamed"),
    },
    # toward messages, toward chat
    "responses": {
        "access_programs": (["p"], L, L),
        "background": (True, L, L),
        "background_options": ({"completion_window": "2h"}, L, L),
        "context_management": ([{"type": "compaction", "compact_threshold": 9}], L, L),
        "conversation": ("conv_1", R, R),
        "image": ({"detail": "low"}, L, L),
        "include": (
            ["message.output_text.logprobs"],
            "include.message.output_text.logprobs",
            "include.message.output_text.logprobs",
        ),
        "input": ("stop", W, W),
        "instructions": ("be brief", W, W),
        "max_output_tokens": (800, W, W),
        "max_tool_calls": (3, L, L),
        "metadata": ({"a": "b"}, L, W),
        "moderation": ({"model": "m"}, L, L),
        "parallel_tool_calls": (False, W, W),
        "previous_response_id": ("resp_1", R, R),
        "prompt": ({"id": "pmpt_1"}, R, R),
        "prompt_cache_key": ("k", N, W),
        "prompt_cache_options": ({"mode": "explicit"}, L, W),
        "prompt_cache_retention": ("24h", L, W),
        "reasoning": ({"effort": "low"}, W, W),
        "safety_identifier": ("s_1", L, W),
        "service_tier": ("flex", L, W),
        "store": (True, L, L),
        "stream": (True, N, N),
        "stream_options": ({"include_obfuscation": False}, N, N),
        "temperature": (0.5, W, W),
        "text": ({"verbosity": "low"}, "verbosity", W),
        "tool_choice": ("required", W, W),
        "tools": ([{"type": "function", "name": "g", "parameters": SCHEMA}], W, W),
        "top_logprobs": (2, L, L),
        "top_p": (0.5, W, W),
        "truncation": ("auto", L, L),
        "user": ("u_1", L, W),
        "client_metadata": ({"a": "b"}, N, N),  # Codex' own
        "field_of_tomorrow": (1, L, L),
        "no field, but text": (1, "unnamed", "unnamed"),
    },
    # toward messages, toward responses
    "chat": {
        "audio": ({"voice": "v", "format": "wav"}, L, L),
        "frequency_penalty": (1, L, L),
        "function_call": ({"name": "f"}, W, W),
        "functions": ([{"name": "g", "parameters": SCHEMA}], W, W),
        "logit_bias": ({"1": 2}, L, L),
        "logprobs": (True, L, L),
        "max_completion_tokens": (800, W, W),
        "max_tokens": (800, W, W),
        "messages": ([{"role": "user", "content": "stop"}], W, W),
        "metadata": ({"a": "b"}, L, W),
        "modalities": (["text", "audio"], L, L),
        "moderation": ({"model": "m"}, L, L),
        "n": (2, R, R),
        "parallel_tool_calls": (False, W, W),
        "prediction": ({"type": "content", "content": "x"}, L, L),
        "presence_penalty": (1, L, L),
        "prompt_cache_key": ("k", N, W),
        "prompt_cache_options": ({"mode": "explicit"}, L, W),
        "prompt_cache_retention": ("24h", L, W),
        "reasoning_effort": ("low", W, W),
        "response_format": ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, W, W),
        "safety_identifier": ("s_1", L, W),
        "seed": (0, L, L),
        "service_tier": ("flex", L, W),
        "stop": (["END"], W, N),
        "store": (True, L, L),
        "stream": (True, N, N),
        "stream_options": ({"include_usage": True, "include_obfuscation": False}, N, N),
        "temperature": (0.5, W, W),
        "tool_choice": ("required", W, W),
        "tools": ([{"type": "function", "function": {"name": "g", "parameters": SCHEMA}}], W, W),
        "top_logprobs": (2, L, L),
        "top_p": (0.5, W, W),
        "user": ("u_1", L, W),
        "verbosity": ("low", L, W),
        "web_search_options": ({}, W, W),
        # of compatible servers
        "min_p": (0.1, L, L),
        "reasoning": ({"effort": "low"}, W, W),
        "thinking": ({"type": "enabled"}, L, L),
        "top_k": (5, W, L),
        "field_of_tomorrow": (1, L, L),
        "no field, but text": (1, "unnamed", "unnamed"),
    },
}

OF_TOMORROW = "field_of_tomorrow"


def reported() -> set[str]:
    """The names under which these fields are reported as lost."""
    rows = ((field, outcome) for fields in FIELDS.values() for field, (_, *both) in fields.items() for outcome in both)
    return {field if outcome == L else outcome for field, outcome in rows if outcome not in (W, N, R)} - {OF_TOMORROW}
