"""What a client wrote comes back in no refusal, header, log line or metric, wherever in its request it stood.

Every place of a full request is replaced in turn, on each entry, toward each kind of upstream. The
place and what is expected there may be told; the name of a model may, too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness import Daemon, Simulator, config, daemon, provider

PLANTED = "the user's own words, kept to himself"
WIRES = ("responses", "chat", "messages")
FORMS: tuple[Any, ...] = (PLANTED, [PLANTED], {PLANTED: PLANTED, "type": PLANTED}, 7)
"""What a place is replaced with."""

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
PNG = "iVBORw0KGgo="

MESSAGES: dict[str, Any] = {
    "model": "gpt-5",
    "max_tokens": 64,
    "stream": False,
    "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "temperature": 1,
    "service_tier": "auto",
    "tools": [
        {"name": "Read", "description": "reads", "input_schema": SCHEMA},
        {"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["a.example"], "max_uses": 2},
        {"type": "memory_20250818", "name": "memory"},
    ],
    "tool_choice": {"type": "auto"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "messages": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "x"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
                {"type": "container_upload", "file_id": "file_1"},
                {"type": "text", "text": "go on"},
            ],
        },
    ],
}
CHAT: dict[str, Any] = {
    "model": "gpt-5",
    "max_completion_tokens": 64,
    "stream": False,
    "n": 1,
    "stop": ["END"],
    "temperature": 1,
    "user": "u",
    "reasoning_effort": "low",
    "verbosity": "low",
    "service_tier": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    "tools": [
        {"type": "function", "function": {"name": "Read", "description": "reads", "parameters": SCHEMA}},
        {"type": "custom", "custom": {"name": "patch", "format": {"type": "text"}}},
        {"type": "something", "name": "hosted"},
    ],
    "tool_choice": {"type": "function", "function": {"name": "Read"}},
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "file", "file": {"file_id": "file_1"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
    ],
}
RESPONSES: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "be brief",
    "max_output_tokens": 64,
    "stream": False,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "user": "u",
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
    "service_tier": "auto",
    "tools": [
        {"type": "function", "name": "Read", "parameters": SCHEMA},
        {"type": "custom", "name": "patch", "format": {"type": "text"}},
        {"type": "namespace", "name": "space", "tools": [{"type": "function", "name": "inner", "parameters": SCHEMA}]},
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}},
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
    ],
    "tool_choice": {"type": "function", "name": "Read"},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "Read", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "x"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/a"}]},
    ],
}
ENTRIES = {
    "/v1/messages": MESSAGES,
    "/v1/messages/count_tokens": MESSAGES,
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSES,
}
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def gateway(_first: Simulator) -> Iterator[Daemon]:
    """One provider for each wire, named by it."""
    providers = [provider(wire, _first, wire_api=wire) for wire in WIRES]
    with daemon(config(*providers, disable_cooling=True, request_retry=0), "--log-level", "debug") as running:
        yield running


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value, containers first."""
    if place:
        yield place
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*place, key))


def replaced(body: dict[str, Any], place: Place, by: Any) -> dict[str, Any]:
    """``body`` with another value at ``place``, and a field of its own that nobody knows."""
    changed = copy.deepcopy(body)
    within: Any = changed
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = by
    if isinstance(within, dict):
        within[PLANTED] = PLANTED
    return changed


def misshapen(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The requests of the table. What the model is called may be told, so it stays a name."""
    for number, place in enumerate(each for each in places(body) if each != ("model",)):
        for form in FORMS:
            yield replaced(body, place, form) | {"model": f"{WIRES[number % len(WIRES)]}/gpt-5"}


def told(answer: httpx.Response) -> str:
    """All that came back but for the model's words, and an upstream's, which are passed on as they are."""
    heads = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    upstreams = answer.status_code == 200 or "x-tppcd-attempts" in answer.headers
    return heads if upstreams else heads + json.dumps(answer.json(), ensure_ascii=False)


@pytest.mark.parametrize("path", ENTRIES)
def test_no_refusal_repeats_what_the_client_wrote(upstream: Simulator, gateway: Daemon, path: str) -> None:
    refused, leaking = 0, []
    for body in misshapen(ENTRIES[path]):
        answer = gateway.post(path, body)
        assert answer.status_code < 500, answer.text
        refused += answer.status_code >= 400
        if PLANTED in told(answer):
            leaking.append(told(answer)[-300:])
    assert leaking == []
    assert refused > len(FORMS) * 10
    assert PLANTED not in gateway.log
    assert PLANTED not in gateway.get("/metrics").text
    assert "Traceback" not in gateway.log


@pytest.mark.parametrize("path", ENTRIES)
@pytest.mark.parametrize(
    "body", [f'"{PLANTED}"', f'["{PLANTED}"]', f'{{"{PLANTED}', f"{PLANTED}", f'{{"model": {PLANTED}']
)
def test_no_refusal_repeats_a_body_that_is_no_request(gateway: Daemon, path: str, body: str) -> None:
    answer = gateway.http.post(gateway.url + path, content=body.encode(), headers={"content-encoding": "identity"})
    assert answer.status_code == 400
    assert PLANTED not in told(answer)


@pytest.mark.parametrize("name", ["content-encoding", "content-type", "origin", "x-api-key", "authorization"])
def test_no_refusal_repeats_a_header(gateway: Daemon, name: str) -> None:
    for path in ENTRIES:
        answer = gateway.post(path, {"model": "gpt-5"}, headers={name: PLANTED})
        assert answer.status_code >= 400
        assert PLANTED not in told(answer)
