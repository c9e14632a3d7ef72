"""The body of a request: what each family of models gets, and what is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.request import OutputFormat, ReasoningOptions, Request
from daemon.wires.base import EncodeOptions
from daemon.wires.openai_chat import WIRE
from tests.wires.openai_chat.world import GPT_4, GPT_5, LLAMA, ask, decoded, encoded, raw, tool


def options(model: str = "gpt-4o", **fields: Any) -> EncodeOptions:
    return EncodeOptions(**{"model": model, "store": None, **fields})


def test_a_plain_request() -> None:
    assert encoded(ask()) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "stream" not in encoded(ask(), options(stream=False))


FIELDS: list[tuple[str, Request, EncodeOptions, dict[str, Any], list[str]]] = [
    ("max_tokens", ask(max_tokens=5), GPT_4, {"max_tokens": 5}, []),
    ("max_tokens of a reasoning model", ask(max_tokens=5), GPT_5, {"max_completion_tokens": 5}, []),
    (
        "max_tokens refused",
        ask(max_tokens=5),
        options(unsupported=frozenset({"max_tokens"})),
        {"max_completion_tokens": 5},
        [],
    ),
    (
        "its successor refused",
        ask(max_tokens=5),
        options("o3", unsupported=frozenset({"max_completion_tokens"})),
        {"max_tokens": 5},
        [],
    ),
    (
        "both refused",
        ask(max_tokens=5),
        options(unsupported=frozenset({"max_tokens", "max_completion_tokens"})),
        {},
        ["max_tokens"],
    ),
    ("sampling", ask(temperature=0.5, top_p=0.9, top_k=3), GPT_4, {"temperature": 0.5, "top_p": 0.9}, ["top_k"]),
    ("sampling of a reasoning model", ask(temperature=0.5), GPT_5, {"temperature": 0.5}, []),
    (
        "sampling refused, which the default is not missed of",
        ask(temperature=0.5, top_p=1),
        options("gpt-5", unsupported=frozenset({"temperature", "top_p"})),
        {},
        ["temperature"],
    ),
    ("effort of a reasoning model's chat sister", ask(), options("gpt-5-chat-latest", default_effort="high"), {}, []),
    ("sampling, asked on this wire", ask(wire="chat", top_k=3), LLAMA, {"top_k": 3}, []),
    ("stop", ask(stop=tuple("abcde")), LLAMA, {"stop": list("abcde")}, []),
    ("stop at OpenAI", ask(stop=tuple("abcde")), GPT_4, {"stop": list("abcd")}, ["stop"]),
    ("stop refused", ask(stop=("a",)), options("gpt-5", unsupported=frozenset({"stop"})), {}, ["stop"]),
    ("effort asked for", ask(reasoning=ReasoningOptions(effort="low")), GPT_5, {"reasoning_effort": "low"}, []),
    ("effort of the model's name", ask(), options("gpt-5", effort="minimal"), {"reasoning_effort": "minimal"}, []),
    ("effort of the provider", ask(), options("gpt-5", default_effort="high"), {"reasoning_effort": "high"}, []),
    (
        "effort of the provider, of another model",
        ask(),
        options("llama-3", default_effort="high"),
        {"reasoning_effort": "high"},
        [],
    ),
    (
        "effort asked of another model",
        ask(reasoning=ReasoningOptions(effort="low")),
        LLAMA,
        {"reasoning_effort": "low"},
        [],
    ),
    (
        "effort asked of one that does not think",
        ask(reasoning=ReasoningOptions(effort="low")),
        GPT_4,
        {},
        ["reasoning"],
    ),
    ("a budget", ask(reasoning=ReasoningOptions(budget=4000)), GPT_5, {"reasoning_effort": "medium"}, []),
    (
        "no thinking",
        ask(reasoning=ReasoningOptions(enabled=False)),
        options("gpt-5.1"),
        {"reasoning_effort": "none"},
        [],
    ),
    ("no thinking, of another model", ask(reasoning=ReasoningOptions(enabled=False)), LLAMA, {}, ["reasoning"]),
    ("effort none, of another model", ask(reasoning=ReasoningOptions(effort="none")), LLAMA, {}, ["reasoning"]),
    ("no thinking, of one that never does", ask(reasoning=ReasoningOptions(enabled=False)), options("gpt-4o"), {}, []),
    (
        "no thinking, where it is known how to say that",
        ask(reasoning=ReasoningOptions(enabled=False)),
        options("glm-5", thinking_form="thinking"),
        {"reasoning_effort": "none"},
        [],
    ),
    (
        "thinking without a level, where it has to be switched on",
        ask(reasoning=ReasoningOptions(enabled=True)),
        options("glm-5", thinking_form="thinking"),
        {"reasoning_effort": "high"},
        [],
    ),
    (
        "thinking without a level, where a level is all there is",
        ask(reasoning=ReasoningOptions(enabled=True)),
        options("grok-4.3", thinking_form="reasoning_effort"),
        {},
        [],
    ),
    ("verbosity", ask(verbosity="low"), GPT_5, {"verbosity": "low"}, []),
    ("verbosity of another model", ask(verbosity="low"), LLAMA, {}, ["verbosity"]),
    ("verbosity, asked on this wire", ask(wire="chat", verbosity="low"), LLAMA, {"verbosity": "low"}, []),
    ("a tier", ask(service_tier="priority"), GPT_4, {"service_tier": "priority"}, []),
    ("no tier", ask(service_tier="auto"), GPT_4, {}, []),
    ("a tier nobody knows", ask(service_tier="flex"), GPT_4, {}, ["service_tier"]),
    ("a tier, asked on this wire", ask(wire="chat", service_tier="flex"), GPT_4, {"service_tier": "flex"}, []),
    ("a user", ask(wire="responses", user="me"), GPT_4, {"user": "me"}, []),
    ("a user's devices", ask(user="me"), GPT_4, {}, ["metadata.user_id"]),
    ("a user's devices where users are known", ask(user="me"), options(knows_users=True), {"user": "me"}, []),
    ("a user's long name", ask(wire="chat", user="x" * 65), GPT_4, {}, ["user"]),
    ("a cache key", ask(cache_key="k"), GPT_4, {"prompt_cache_key": "k"}, []),
    ("a cache key for another model", ask(cache_key="k", session="s"), LLAMA, {}, []),
    ("a cache key, asked on this wire", ask(wire="chat", cache_key="k"), LLAMA, {"prompt_cache_key": "k"}, []),
    ("no store", ask(), options(store=False), {"store": False}, []),
    ("no store where there is none", ask(), options("llama-3", store=False), {}, []),
    ("a store", ask(), options("llama-3", store=True), {"store": True}, []),
    ("JSON", ask(output=OutputFormat(kind="json_object")), GPT_4, {"response_format": {"type": "json_object"}}, []),
    (
        "JSON of a schema",
        ask(output=OutputFormat(kind="json_schema", name="n", description="d", schema=raw({"a": 1}), strict=True)),
        GPT_4,
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {"a": 1}, "strict": True},
            }
        },
        [],
    ),
    (
        "JSON of a nameless schema",
        ask(output=OutputFormat(kind="json_schema")),
        GPT_4,
        {"response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": {}}}},
        [],
    ),
    (
        "what the upstream refuses",
        ask(
            temperature=0.5,
            stop=("a",),
            tools=(tool(),),
            parallel_tool_calls=False,
            output=OutputFormat(kind="json_object"),
        ),
        options(
            unsupported=frozenset({"temperature", "stream_options", "response_format", "model", "messages", "seed"})
        ),
        {"stop": ["a"], "parallel_tool_calls": False},
        ["output", "temperature"],
    ),
]
ALWAYS = {"model", "messages", "stream", "stream_options", "tools"}


@pytest.mark.parametrize(
    ("request_", "options", "fields", "lost"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS]
)
def test_fields(request_: Request, options: EncodeOptions, fields: dict[str, Any], lost: list[str]) -> None:
    body = WIRE.encode_request(request_, options)
    sent = json.loads(body.body)
    assert {name: value for name, value in sent.items() if name not in ALWAYS} == fields
    assert list(body.lost) == lost


def test_a_session_has_its_cache_at_openai() -> None:
    """One key per conversation and model, and none that shows who it is."""
    keys = {encoded(ask(session="s"), options(model))["prompt_cache_key"] for model in ("gpt-4o", "gpt-5")}
    assert len(keys) == 2 and all(len(key) == 32 for key in keys)


# --- this wire's own fields ---


def test_fields_that_only_this_wire_knows_are_given_back() -> None:
    request = decoded(
        seed=7, logit_bias={"1": 2}, stream_options={"include_obfuscation": False}, web_search_options={}, metadata=None
    )
    body = WIRE.encode_request(request, GPT_4)
    sent = json.loads(body.body)
    assert (sent["seed"], sent["logit_bias"], sent["web_search_options"]) == (7, {"1": 2}, {})
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "metadata" not in sent and body.lost == ()


def test_ours_beat_the_clients() -> None:
    """What the provider's configuration forces, and what a stream needs."""
    request = decoded(store=True, stream_options={"include_usage": False})
    assert "store" not in encoded(request, options("llama-3", store=False))
    assert encoded(request, options(store=False))["store"] is False
    assert encoded(request, GPT_4)["store"] is True
    assert encoded(request)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in encoded(request, options(stream=False))


def test_a_search_models_own_options_go_as_they_came() -> None:
    request = decoded(web_search_options={"search_context_size": "low"})
    for model in ("gpt-4o-search-preview", "sonar"):
        assert encoded(request, options(model))["web_search_options"] == {"search_context_size": "low"}


def test_what_the_hub_has_no_word_for_in_the_answer_is_reported() -> None:
    assert WIRE.encode_request(decoded(logprobs=True, audio={}), GPT_4).lost == ("logprobs", "audio")
    assert WIRE.encode_request(decoded(logprobs=False), GPT_4).lost == ()


def test_fields_that_the_upstream_refuses_are_reported() -> None:
    body = WIRE.encode_request(decoded(seed=7), options(unsupported=frozenset({"seed"})))
    assert body.lost == ("seed",) and b"seed" not in body.body


def test_openrouters_reasoning_says_it_alone() -> None:
    request = decoded(reasoning={"effort": "low"})
    assert "reasoning_effort" not in encoded(request, LLAMA) and encoded(request, LLAMA)["reasoning"] == {
        "effort": "low"
    }
    assert encoded(request, options("gpt-5", effort="high"))["reasoning_effort"] == "high"


def test_another_wires_own_fields_stay_here() -> None:
    assert "x" not in encoded(ask(extra={"messages": {"x": raw(1)}}))
