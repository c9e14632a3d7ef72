"""Messages servers that take less than Anthropic's, or another form: every entry is served, in one attempt later on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients import run_client
from tests.dialects import DIALECTS, MESSAGES
from tests.e2e.refusing import Body, RefusingServer, Rule, refusing
from tests.harness import Daemon, Simulator, config, daemon, provider

ADAPTIVE = "adaptive thinking is not supported on this model"
BUDGETS = (
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" '
    "to control thinking behavior."
)
BETAS = "claude-code-20250219,prompt-caching-scope-2026-01-05,interleaved-thinking-2025-05-14"
UNEXPECTED = (
    "Unexpected value(s) `prompt-caching-scope-2026-01-05` for the `anthropic-beta` header. Please consult our docs"
)


def system_role(words: str) -> Rule:
    return lambda body, _: words if any(m["role"] == "system" for m in body["messages"]) else None


def thinking_type(kind: str, words: str) -> Rule:
    return lambda body, _: words if body.get("thinking", {}).get("type") == kind else None


def effort(words: str, *refused: str) -> Rule:
    return lambda body, _: words if body.get("output_config", {}).get("effort") in refused else None


def text_in(words: str, *texts: str) -> Rule:
    return lambda body, _: words if any(text in json.dumps(body) for text in texts) else None


def beta(words: str, item: str) -> Rule:
    def rule(_: Body, headers: Mapping[str, str]) -> str | None:
        return words if item in headers.get("anthropic-beta", "") else None

    return rule


TOP = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
}


def api_of_2024(body: Body, headers: Mapping[str, str]) -> str | None:
    """The Messages API as it was before thinking, and as strict: what it does not know is refused by its place."""
    extra = "Extra inputs are not permitted"
    if unknown := body.keys() - TOP:
        return f"{sorted(unknown)[0]}: {extra}"
    for number, message in enumerate(body["messages"]):
        if message["role"] == "system":
            return f"messages.{number}.role: Input should be 'user' or 'assistant'"
    for number, tool in enumerate(body.get("tools", ())):
        if unknown := tool.keys() - {"name", "description", "input_schema", "cache_control"}:
            return f"tools.{number}.custom.{sorted(unknown)[0]}: {extra}"
    for number, block in enumerate(body.get("system", ())):
        if isinstance(block, dict) and (unknown := block.get("cache_control", {}).keys() - {"type"}):
            return f"system.{number}.cache_control.ephemeral.{sorted(unknown)[0]}: {extra}"
    return "invalid beta flag" if "anthropic-beta" in headers else None


def gateway_to(server: RefusingServer, *models: str, **settings: Any) -> Any:
    names = [{"name": name, "alias": name} for name in models or ("m-1",)]
    block = provider("fox", server.url, wire_api="messages", models=names, **settings)
    return daemon(config(block, disable_cooling=True, request_retry=0))


CONVERSATION = [
    {"role": "user", "content": "hi"},
    {"role": "system", "content": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]},
    {"role": "assistant", "content": [{"type": "text", "text": "yes"}]},
    {"role": "user", "content": "go on"},
]
REFUSALS: list[tuple[str, Rule, dict[str, Any], str]] = [
    (
        "DeepSeek's role",
        system_role(
            "Failed to deserialize the JSON body into the target type: messages[1].role: unknown variant "
            "`system`, expected `user` or `assistant` at line 1 column 1932"
        ),
        {"messages": CONVERSATION},
        "<system-reminder>\\\\nbe brief\\\\n</system-reminder>",
    ),
    (
        "MiniMax's role",
        system_role("invalid params, chat content has invalid message role: system (2013)"),
        {"messages": CONVERSATION},
        "be brief",
    ),
    ("Haiku's thinking", thinking_type("adaptive", ADAPTIVE), {"thinking": {"type": "adaptive"}}, '"enabled"'),
    (
        "new-api's thinking",
        thinking_type(
            "adaptive",
            "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', "
            "'enabled'",
        ),
        {"thinking": {"type": "adaptive"}},
        "budget_tokens",
    ),
    (
        "Opus' thinking",
        thinking_type("enabled", BUDGETS),
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        '"adaptive"',
    ),
    (
        "Haiku's effort",
        effort("This model does not support the effort parameter.", "high"),
        {"output_config": {"effort": "high"}},
        "messages",
    ),
    (
        "a scope",
        text_in("system.0.cache_control.ephemeral.scope: Extra inputs are not permitted", '"scope"'),
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
        '"ephemeral"',
    ),
    (
        "deferred tools",
        text_in("tools.0.custom.defer_loading: Extra inputs are not permitted", "defer_loading"),
        {"tools": [{"name": "T", "input_schema": {"type": "object"}, "defer_loading": True}]},
        '"T"',
    ),
    (
        "context management",
        text_in("context_management: Extra inputs are not permitted", "context_management"),
        {"context_management": {"edits": []}},
        "messages",
    ),
]


@pytest.mark.parametrize(("rule", "fields", "kept"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_what_a_server_refuses_is_sent_as_it_takes_it_and_learned(
    rule: Rule, fields: dict[str, Any], kept: str
) -> None:
    with refusing(rule) as server, gateway_to(server) as gateway:
        asked = MESSAGES.request("hi", model="m-1", **fields)
        answers = [gateway.post(MESSAGES.path, asked) for _ in range(2)]
    assert [(answer.status_code, answer.headers["x-tppcd-attempts"]) for answer in answers] == [(200, "2"), (200, "1")]
    assert kept.replace("\\\\n", "\\n") in json.dumps(server.asked[-1])


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (UNEXPECTED, "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ("invalid beta flag", None),
    ],
)
def test_an_item_of_the_beta_header_that_is_refused_is_not_sent_again(words: str, left: str | None) -> None:
    rule = beta(words, "prompt-caching-scope-2026-01-05")
    with refusing(rule) as server, gateway_to(server) as gateway:
        asked = MESSAGES.request("hi", model="m-1")
        answers = [gateway.post(MESSAGES.path, asked, headers={"anthropic-beta": BETAS}) for _ in range(2)]
    assert [(answer.status_code, answer.headers["x-tppcd-attempts"]) for answer in answers] == [(200, "2"), (200, "1")]
    assert [each.get("anthropic-beta") for each in server.headers] == [BETAS, left, left]


def test_a_header_without_the_refused_item_is_not_asked_twice() -> None:
    rule = beta("invalid beta flag", "")
    with refusing(rule) as server, gateway_to(server) as gateway:
        answer = gateway.post(MESSAGES.path, MESSAGES.request("hi", model="m-1"))
    assert (answer.status_code, len(server.asked)) == (400, 1)


EFFORTS: dict[str, dict[str, Any]] = {
    "messages": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
    "chat": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high"}},
}


@pytest.mark.parametrize("entry", DIALECTS)
@pytest.mark.parametrize(
    ("model", "refused", "words", "form"),
    [
        ("claude-opus-5-5", "enabled", BUDGETS, {"type": "adaptive"}),
        ("claude-haiku-4-5", "adaptive", ADAPTIVE, {"type": "enabled"}),
        ("someone-else", "enabled", BUDGETS, {"type": "adaptive"}),
        ("someone-else", "adaptive", ADAPTIVE, {"type": "enabled"}),
    ],
)
def test_each_generation_is_asked_to_think_in_its_own_form(
    entry: str, model: str, refused: str, words: str, form: dict[str, Any]
) -> None:
    """A client of another API is served at the first attempt where the model's name says the form."""
    dialect = DIALECTS[entry]
    with refusing(thinking_type(refused, words)) as server, gateway_to(server, model) as gateway:
        answer = gateway.post(dialect.path, dialect.request("hi", model=model) | EFFORTS[entry])
        assert answer.status_code == 200, answer.text
        assert server.asked[-1]["thinking"].items() >= form.items()
        if entry != "messages" and model != "someone-else":
            assert len(server.asked) == 1
        asked = len(server.asked)
        gateway.post(dialect.path, dialect.request("again", model=model) | EFFORTS[entry])
        assert len(server.asked) == asked + 1


def test_a_prompt_cache_is_filled_without_an_answer() -> None:
    with refusing() as server, gateway_to(server) as gateway:
        answer = gateway.post(MESSAGES.path, MESSAGES.request("hi", model="m-1", max_tokens=0))
    assert (answer.status_code, server.asked[0]["max_tokens"]) == (200, 0)


@pytest.mark.parametrize("entry", DIALECTS)
def test_a_base_url_with_v1_is_served(entry: str) -> None:
    dialect = DIALECTS[entry]
    with refusing() as server, gateway_to(server) as gateway:
        assert gateway.post("/v1" + dialect.path, dialect.request("hi", model="m-1")).status_code == 200
        counted = gateway.post("/v1/v1/messages/count_tokens", MESSAGES.request("hi", model="m-1"))
        listed = [gateway.get(path).json()["data"] for path in ("/v1/models", "/v1/v1/models")]
    assert (counted.status_code, "input_tokens" in counted.json()) == (200, True)
    assert [model["id"] for model in listed[0]] == [model["id"] for model in listed[1]]


@pytest.mark.parametrize(
    "rules",
    [
        (system_role("role 'system' is not supported on this model"),),
        (system_role("messages.1.role: Input should be 'user' or 'assistant'"), thinking_type("adaptive", ADAPTIVE)),
        (
            beta("invalid beta flag", "2025"),
            thinking_type("adaptive", ADAPTIVE),
            text_in("context_management: Extra inputs are not permitted", '"context_management"'),
        ),
        (api_of_2024,),
    ],
    ids=["role", "role and thinking", "beta and thinking", "api of 2024"],
)
def test_claude_code_finishes_a_task_through_a_server_that_lags_behind(
    upstream: Simulator, gateway: Daemon, rules: tuple[Rule, ...]
) -> None:
    """What the server does not refuse is answered by the simulated model, through a daemon of its own."""
    with refusing(*rules, behind=gateway.url) as server, gateway_to(server, "gpt-5") as front:
        assert "PASS" in run_client("run-claude-code.sh", front.url, "gpt-5", "basic")
    assert server.refused
    assert len(server.refused) == len(set(server.refused))
