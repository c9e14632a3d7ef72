"""Every field at the top level of the three APIs, toward the two other wires: none is lost in silence.

The names are those of the SDKs on 2026-11-28 (anthropic 2.14, beta included; openai 3.57). Per field: what the client
says, and what becomes of it toward either of the other wires: ``written``, ``lost`` (reported under its own name, or
under the name that stands there), ``refused`` (400), or ``not missed``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.json import decode, encode

from daemon.errors import LocalError
from daemon.gateway.translation import TranslationPipe
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "losses.md"
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
OTHERS = {entry: [name for name in ("messages", "responses", "chat") if name != entry] for entry in FIELDS}
MODELS = {"messages": "claude-sonnet-4-5", "responses": "gpt-5", "chat": "gpt-5"}
ROWS = [
    (entry, field, value, toward, outcome)
    for entry, fields in FIELDS.items()
    for field, (value, *outcomes) in fields.items()
    for toward, outcome in zip(OTHERS[entry], outcomes, strict=True)
]


def sent(entry: str, toward: str, body: dict[str, Any], **changed: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The upstream's body, and what the request lost."""
    whole = encode({"model": "gpt-5", **BASE[entry], **body})
    request = structs.asdict(WIRES[entry].decode_request(whole, {}))
    del request["wire"]
    pipe = TranslationPipe(client_request(entry, whole.decode(), **request))
    prepared = pipe.prepare(target(candidate(wire=toward, model=MODELS[toward], **changed)))
    return decode(prepared.body), prepared.lost


@pytest.mark.parametrize(("entry", "field", "value", "toward", "outcome"), ROWS)
def test_no_field_is_lost_in_silence(entry: str, field: str, value: Any, toward: str, outcome: str) -> None:
    without, before = sent(entry, toward, {})
    assert before == ()
    if outcome == R:
        with pytest.raises(LocalError):
            sent(entry, toward, {field: value})
        return
    body, lost = sent(entry, toward, {field: value})
    assert lost == ((field if outcome == L else outcome,) if outcome not in (W, N) else ())
    assert (body != without) == (outcome == W)


@pytest.mark.parametrize(
    ("entry", "toward", "profile", "user", "field"),
    [
        ("messages", "chat", "openai", "u_1", "user"),
        ("messages", "responses", "azure", "u_1", "user"),
        ("chat", "messages", "anthropic", "u_1", "metadata"),
        ("responses", "messages", "anthropic", "u_1", "metadata"),
        ("chat", "responses", "", "u_1", "user"),
        ("responses", "chat", "deepseek", "u_1", "user"),
        ("messages", "chat", "deepseek", "u_1", ""),
        ("messages", "responses", "codex-relay", "u_1", ""),
        ("messages", "chat", "openai", "u" * 65, ""),
        ("responses", "messages", "glm", "u_1", ""),
    ],
)
def test_who_the_user_is_goes_to_those_that_know_their_users(
    entry: str, toward: str, profile: str, user: str, field: str
) -> None:
    asked = {"metadata": {"user_id": user}} if entry == "messages" else {"user": user}
    body, lost = sent(entry, toward, asked, profile=profile)
    assert body.get(field or "none") == {"": None, "user": user, "metadata": {"user_id": user}}[field]
    name = "metadata.user_id" if entry == "messages" else "user"
    assert (name in lost) == (not field) and (user in str(body)) == bool(field)


def test_what_the_upstream_refuses_of_a_shared_field_is_lost() -> None:
    body, lost = sent("responses", "chat", {"metadata": {"a": "b"}}, unsupported_parameters=("metadata",))
    assert "metadata" not in body and lost == ("metadata",)


def test_every_name_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    names = {field if outcome == L else outcome for _, field, _, _, outcome in ROWS if outcome not in (W, N, R)}
    assert sorted(name for name in names - {"field_of_tomorrow"} if f"`{name}`" not in page) == []
