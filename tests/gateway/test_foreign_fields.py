"""What only the client's API can say is reported as lost, or refused where it is the conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.json import encode

from daemon.errors import LocalError
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.translation import TranslationPipe
from daemon.inference.request import Request
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate

ASKED: dict[str, dict[str, Any]] = {
    "messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "go"}]},
    "responses": {"input": "go"},
    "chat": {"messages": [{"role": "user", "content": "go"}]},
}


def decoded(wire: str, **fields: Any) -> Request:
    return WIRES[wire].decode_request(encode({"model": "gpt-5", **ASKED[wire], **fields}), {})


def foreign_fields(request: Request) -> tuple[str, ...]:
    return tuple(WIRES[request.wire].foreign_fields(request.extra[request.wire]))


@pytest.mark.parametrize(
    ("lost", "wire", "fields"),
    [
        (("mcp_servers",), "messages", {"mcp_servers": [{"type": "url", "url": "https://m", "name": "m"}]}),
        ((), "messages", {"mcp_servers": [], "context_management": {"edits": []}, "service_tier": "auto"}),
        (
            ("context_management.clear_tool_uses_20250919",),
            "messages",
            {
                "context_management": {
                    "edits": [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}]
                }
            },
        ),
        (("context_management",), "messages", {"context_management": "all"}),
        ((), "responses", {"include": ["reasoning.encrypted_content", "web_search_call.action.sources"]}),
        (("include.new",), "responses", {"include": ["new", "reasoning.encrypted_content"]}),
        (("reasoning.mode",), "responses", {"reasoning": {"effort": "low", "context": "all_turns", "mode": "pro"}}),
        (("tool_choice",), "responses", {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}),
        (("tool_choice",), "chat", {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}}),
        (("web_search_options.search_context_size",), "chat", {"web_search_options": {"search_context_size": "low"}}),
        ((), "chat", {"web_search_options": {"search_context_size": "medium"}}),
        (("background", "truncation"), "responses", {"background": True, "truncation": "auto"}),
        (
            (),
            "responses",
            {"background": False, "truncation": "disabled", "client_metadata": {"a": "b"}, "store": False},
        ),
        (("seed", "logprobs", "top_logprobs"), "chat", {"seed": 1, "logprobs": True, "top_logprobs": 2}),
        ((), "chat", {"frequency_penalty": 0, "modalities": ["text"], "store": False, "seed": None}),
    ],
)
def test_what_is_lost(lost: tuple[str, ...], wire: str, fields: dict[str, Any]) -> None:
    assert foreign_fields(decoded(wire, **fields)) == lost


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_a_conversation_that_the_upstream_has_not_got_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match=f"instead of `{name}`") as raised:
        foreign_fields(decoded("responses", **{name: "x_1"}))
    assert (raised.value.status, raised.value.param) == (400, name)


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "rs_1"}, {"id": "msg_1"}, {"type": None, "id": "x"}])
def test_an_item_that_the_upstream_has_not_got_is_refused(item: dict[str, Any]) -> None:
    """Toward upstreams of another API, as above; over a Responses upstream it passes."""
    items = [{"role": "user", "content": "go"}, item, {"role": "user", "content": "on"}]
    request = decoded("responses", input=items)
    asked = client_request("responses", json.dumps({"model": "gpt-5", "input": items}), messages=request.messages)
    for upstream in ("chat", "messages"):
        with pytest.raises(LocalError, match="item_reference") as raised:
            TranslationPipe(asked).prepare(target(candidate(wire=upstream, model="gpt-5")))
        assert (raised.value.status, raised.value.param) == (400, "input")
    passed = PassthroughPipe(asked, ReasoningOwners()).prepare(target(candidate(wire="responses", model="gpt-5")))
    assert json.loads(passed.body)["input"] == items


@pytest.mark.parametrize(("choices", "refused"), [(None, False), (1, False), (2, True), ("x", True)])
def test_several_choices_are_refused(choices: object, refused: bool) -> None:
    """Over a Chat upstream they pass."""
    request = decoded("chat", n=choices)
    if not refused:
        assert foreign_fields(request) == ()
        return
    with pytest.raises(LocalError, match="one choice") as raised:
        foreign_fields(request)
    assert (raised.value.status, raised.value.param) == (400, "n")


@pytest.mark.parametrize("upstream", ["responses", "messages"])
def test_it_is_part_of_what_the_request_lost(upstream: str) -> None:
    pipe = TranslationPipe(client_request("chat", extra=decoded("chat", seed=1).extra))
    body = pipe.prepare(target(candidate(wire=upstream, model="gpt-5")))
    assert "seed" in body.lost and b"seed" not in body.body
